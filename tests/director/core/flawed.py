"""Results that leave something to be desired."""

from collections.abc import Sequence

from director.core.model import EncodedTensor, Plan, TaskResult
from director.core.run_effects import ResultDisregarded, RunEffect
from director.core.tensors import encode
from tests.director.core.runs import TRAIN, A, B, array, only, trained

ONE_ROUND = Plan(rounds=1, tasks=(TRAIN,))
GOOD = trained(B, {"slope": array(3.0, 4.0), "bias": array(5.0)})


def reasons(effects: Sequence[RunEffect]) -> list[str]:
    return [effect.reason for effect in only(ResultDisregarded, effects)]


def with_tensors(*tensors: EncodedTensor, size: int = 1) -> TaskResult:
    return TaskResult(collaborator=A, round=0, task=TRAIN.name, data_size=size, tensors=tensors)


def tensor(name: str, *values: float, tags: Sequence[str] = ("trained",)) -> EncodedTensor:
    return encode(name, array(*values), round_number=0, tags=tags)
