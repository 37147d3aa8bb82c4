"""A model grows by what everybody trains beside it, and no further than it may."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from director.core.averaging import Memoryless, median
from director.core.contributions import Contribution
from director.core.model import Array, EnvoyName
from director.core.rounds import Outcome, close
from director.core.tensors import MAX_TENSORS
from director.errors import LimitExceededError
from tests.director.core.runs import MODEL, TRAIN, A, B, array, plain

MODEL_BYTES = 3 * 4


def closed(sent: Mapping[EnvoyName, Mapping[str, Array]], *, max_bytes: int) -> Outcome:
    contributions = {
        name: Contribution(weight=1, tensors=tensors, measurements=(), flaws=())
        for name, tensors in sent.items()
    }
    combiner = Memoryless(median)
    return close(
        0, MODEL, [(TRAIN, contributions)], {TRAIN.name: combiner}, {}, max_bytes=max_bytes
    )


def everybody(tensors: Mapping[str, Array], among: Sequence[EnvoyName] = (A, B)) -> Outcome:
    sent = {name: {"bias": array(1.0), **tensors} for name in among}
    return closed(sent, max_bytes=MODEL_BYTES + 16)


def test_new_tensors_join_the_model_where_there_is_room() -> None:
    outcome = everybody({"first": array(1, 2), "second": array(3, 4)})

    assert plain(outcome.model) == {
        "slope": [1.0, 2.0],
        "bias": [1.0],
        "first": [1.0, 2.0],
        "second": [3.0, 4.0],
    }


@pytest.mark.parametrize(
    "tensors",
    [
        pytest.param({"first": array(1, 2), "second": array(3, 4, 5)}, id="of too many bytes"),
        pytest.param({f"n{n}": array() for n in range(MAX_TENSORS)}, id="too many"),
    ],
)
def test_new_tensors_for_which_there_is_no_room_are_too_much(
    tensors: Mapping[str, Array],
) -> None:
    with pytest.raises(LimitExceededError, match=r"new tensors, such as '(first|n0)', would"):
        everybody(tensors)


def test_what_only_one_has_sent_does_not_keep_others_out() -> None:
    own = {"own": np.zeros(100, np.float32)}

    outcome = closed(
        {A: {"shared": array(1)}, B: {"shared": array(1), **own}}, max_bytes=MODEL_BYTES + 4
    )

    assert list(outcome.model) == ["slope", "bias", "shared"]
