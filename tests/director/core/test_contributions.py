"""A small result cannot make a Director unfold, keep or say a lot."""

import gzip
from dataclasses import replace

import numpy as np
import pytest

from director.core.codebooks import MAX_VALUES
from director.core.contributions import MAX_METRICS, Contribution, is_heavy, read_result
from director.core.model import EncodedTensor, TaskResult, Transformer
from director.core.tensors import MAX_TENSORS, encode
from tests.director.core.runs import MODEL, TRAIN, A, array, metric


def result(*tensors: EncodedTensor) -> TaskResult:
    return TaskResult(collaborator=A, round=0, task=TRAIN.name, data_size=1, tensors=tensors)


def lossy(name: str, *tags: str, shape: tuple[int, ...]) -> EncodedTensor:
    """A tensor that says it is much, in few bytes."""
    codebook = Transformer(int_list=shape, int_to_float={0: 1.0})
    return EncodedTensor(
        name=name,
        tags=tags,
        transformers=(codebook, Transformer()),
        content=gzip.compress(bytes(4)),
    )


@pytest.mark.parametrize(
    ("bomb", "reason"),
    [
        pytest.param(lossy("score", "metric", shape=(2**26,)), "not one number", id="a metric"),
        pytest.param(lossy("new", "trained", shape=(1,)), "not of the model", id="a new tensor"),
        pytest.param(
            lossy("new", "trained", "delta", shape=(1,)), "differs from nothing", id="a new delta"
        ),
        pytest.param(
            lossy("slope", "trained", shape=(2**26,)), "instead of", id="a tensor of another shape"
        ),
    ],
)
def test_nothing_unfolds_before_its_size_is_known_to_be_right(
    bomb: EncodedTensor, reason: str
) -> None:
    # What is tried in vain is told: this cannot be unfolded at all.
    read = read_result(result(replace(bomb, content=b"no gzip")), MODEL)

    assert (read.tensors, read.measurements) == ({}, ())
    assert [reason in flaw for flaw in read.flaws] == [True]


def test_a_compressed_metric_of_one_number_counts() -> None:
    read = read_result(result(lossy("score", "metric", shape=(1,))), MODEL)

    assert [told.metric.value for told in read.measurements] == [1.0]


def test_a_codebook_of_more_values_than_it_saves_is_refused() -> None:
    huge = Transformer(int_list=(1,), int_to_float=dict.fromkeys(range(MAX_VALUES + 1), 1.0))
    tensor = replace(lossy("score", "metric", shape=(1,)), transformers=(huge, Transformer()))

    read = read_result(result(tensor), MODEL)

    assert ["a codebook of more than" in flaw for flaw in read.flaws] == [True]


def test_of_more_metrics_than_anybody_reads_the_first_count() -> None:
    many = [metric(f"m{number}", 1.0) for number in range(MAX_METRICS + 5)]

    read = read_result(result(*many), MODEL)

    assert len(read.measurements) == MAX_METRICS
    assert read.flaws == (f"of 1005 metrics the first {MAX_METRICS} count",)


def test_a_result_of_too_many_tensors_adds_nothing() -> None:
    bias = encode("bias", array(1.0), round_number=0, tags=("trained",))

    read = read_result(result(*[bias] * (MAX_TENSORS + 1)), MODEL)

    assert read == Contribution(
        weight=1,
        tensors={},
        measurements=(),
        flaws=(f"it has more than {MAX_TENSORS} tensors and metrics, which is the limit",),
    )


def test_of_many_flaws_only_some_are_told() -> None:
    bad = [replace(metric(f"m{number}", 1.0), content=b"") for number in range(50)]

    read = read_result(result(*bad), MODEL)

    assert len(read.flaws) == 11
    assert read.flaws[-1] == "and 40 more"


@pytest.mark.parametrize("tag", ["metric", "trained"])
def test_an_endless_name_is_neither_kept_nor_told(tag: str) -> None:
    endless = encode("x" * 100_000, array(1.0), round_number=0, tags=(tag,))

    read = read_result(result(endless), MODEL)

    assert (read.tensors, read.measurements) == ({}, ())
    assert ["too long" in flaw and len(flaw) < 200 for flaw in read.flaws] == [True]


@pytest.mark.parametrize(
    ("tensors", "is_it"),
    [
        pytest.param([metric("loss", 0.5)], False, id="little"),
        pytest.param([metric("loss", 0.5)] * 1_000, True, id="many"),
        pytest.param([lossy("slope", shape=(2**20,))], True, id="little that unfolds to much"),
        pytest.param(
            [encode("slope", np.zeros(2**20, np.float32), round_number=0, tags=())],
            True,
            id="much",
        ),
        pytest.param([EncodedTensor(name="shapeless")], False, id="without a shape"),
    ],
)
def test_what_takes_long_to_read_is_known_before(
    tensors: list[EncodedTensor], *, is_it: bool
) -> None:
    assert is_heavy(result(*tensors)) is is_it
