"""What a scenario asks a frontend to do, one single-key mapping a step.

Values only: `frontend.py` performs them.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from simulator.units import Duration, Size
from simulator.world import MisuploadMode

Recipients = str | tuple[str, ...]
"""Who is to take part: selector text such as `@hospital:eu`, or a list of envoy ids."""

OwnerRpc = Literal[
    "GetExperimentStatus",
    "GetExperimentDescription",
    "GetTrainedModel",
    "GetMetricStream",
    "RemoveExperimentData",
]
"""The RPCs that only an experiment's owner gets an answer from."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# ---------------------------------------------------------------- what each step says


class Submit(_Strict):
    """Upload an experiment; it is not awaited."""

    experiment: str
    to: Recipients
    archive: Size = 64 * 2**10
    """At least so large; filler that does not compress makes up the rest."""
    chunk: Annotated[Size, Field(ge=1)] = 2 * 2**20
    """OpenFL's frontends cut archives in pieces of 2 MiB."""
    rounds: Annotated[int, Field(ge=1)] | None = None
    """Left out: what the training of the addressed envoys says."""
    resubmit: Annotated[int, Field(ge=0)] = 0
    """How many more times to upload it where it was refused as damaged on its way."""


class FollowMetrics(_Strict):
    """Read the metric stream until it ends."""

    experiment: str
    reconnect: bool = False
    """Whether to follow again, from the start, where the stream broke."""
    followers: Annotated[int, Field(ge=1)] = 1
    """So many streams side by side."""
    leave_after: Annotated[int, Field(ge=1)] | None = None
    """Hang up after so many metrics (and, with `reconnect`, come back for all)."""


class FetchModel(_Strict):
    """Fetch a trained model."""

    experiment: str
    which: Literal["best", "last"] = "best"


class ExpectDenied(_Strict):
    """Ask for what is somebody else's, and note what came of it."""

    rpc: OwnerRpc
    experiment: str


class ListExperiments(_Strict):
    """List one's own experiments."""


class OfExperiment(_Strict):
    """Which experiment is meant."""

    experiment: str


class AwaitEnd(_Strict):
    """Wait until an experiment is finished, failed, rejected or gone."""

    experiment: str
    within: Duration | None = None
    """Give up waiting after so long; left out: wait for ever."""


class Misupload(_Strict):
    """Upload something that is wrong, and must be refused."""

    experiment: str
    mode: MisuploadMode
    to: Recipients = "all"
    archive: Size = 64 * 2**10
    chunk: Annotated[Size, Field(ge=1)] = 8 * 2**10


# ---------------------------------------------------------------- the keys that name them


class SubmitStep(_Strict):
    """`submit: {experiment: e1, archive: 8 MiB, to: "@hospital"}`."""

    submit: Submit


class FollowMetricsStep(_Strict):
    """`follow_metrics: {experiment: e1, reconnect: true}`."""

    follow_metrics: FollowMetrics


class FetchModelStep(_Strict):
    """`fetch_model: {experiment: e1, which: best}`."""

    fetch_model: FetchModel


class ExpectDeniedStep(_Strict):
    """`expect_denied: {rpc: GetExperimentStatus, experiment: e1}`."""

    expect_denied: ExpectDenied


class ListStep(_Strict):
    """`list: {}`."""

    list: ListExperiments


class DescribeStep(_Strict):
    """`describe: {experiment: e1}`."""

    describe: OfExperiment


class StatusStep(_Strict):
    """`status: {experiment: e1}`."""

    status: OfExperiment


class RemoveStep(_Strict):
    """`remove: {experiment: e1}`."""

    remove: OfExperiment


class AwaitEndStep(_Strict):
    """`await_end: {experiment: e1, within: 5m}`."""

    await_end: AwaitEnd


class SleepStep(_Strict):
    """`sleep: 30s`."""

    sleep: Duration


class MisuploadStep(_Strict):
    """`misupload: {experiment: bad, mode: not_zip}`."""

    misupload: Misupload


def _with_one_key(step: object) -> object:
    if isinstance(step, dict) and len(step) != 1:
        raise ValueError(f"a step has one key, which says what to do; here are {len(step)}")
    return step


def _verb(step: object) -> str | None:
    if isinstance(step, dict):
        return str(next(iter(step)))
    return next(iter(type(step).model_fields)) if isinstance(step, BaseModel) else None


Step = Annotated[
    Annotated[SubmitStep, Tag("submit")]
    | Annotated[FollowMetricsStep, Tag("follow_metrics")]
    | Annotated[FetchModelStep, Tag("fetch_model")]
    | Annotated[ExpectDeniedStep, Tag("expect_denied")]
    | Annotated[ListStep, Tag("list")]
    | Annotated[DescribeStep, Tag("describe")]
    | Annotated[StatusStep, Tag("status")]
    | Annotated[RemoveStep, Tag("remove")]
    | Annotated[AwaitEndStep, Tag("await_end")]
    | Annotated[SleepStep, Tag("sleep")]
    | Annotated[MisuploadStep, Tag("misupload")],
    Discriminator(_verb),
    BeforeValidator(_with_one_key),
]
"""One line of a frontend's `do:`; the first key decides which, and names it in errors."""
