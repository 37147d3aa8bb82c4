"""What an operator may set, with defaults that suit most; decoded and checked by pydantic."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from director.core.rules import Quorum, Rules

_MIB = 2**20
_GIB = 2**30

_DEFAULT_PERIOD_S = 60.0
LONGEST_PERIOD_S = 24 * 60 * 60
"""Whoever is heard of less often might as well not be listed."""

_WANTED = {
    "model_type": "be a section with keys",
    "tuple_type": "be a list, such as ['64', '64']",
}
"""What pydantic would say in Python's words; of the rest it says `Input should …`."""


class SettingsError(ValueError):
    """What a server was told cannot be; the message has a line for each mistake."""


def mistake(detail: ErrorDetails) -> str:
    """Return in a person's words what is wrong with a value."""
    wanted = _WANTED.get(detail["type"], detail["msg"].removeprefix("Input should "))
    wanted = wanted.replace("Value should ", "").replace("String should ", "")
    return f"should {wanted}, not {detail['input']!r:.80}"


def _read_quorum(written: object) -> Quorum:
    try:
        return Quorum.read(written)
    except ValueError as error:
        told = {"wanted": str(error)}
        raise PydanticCustomError("quorum", "Input should {wanted}", told) from None


QuorumSetting = Annotated[
    Quorum,
    BeforeValidator(_read_quorum),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["majority", "all"]},
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": r"^\d+(\.\d+)?%$"},
            ]
        }
    ),
]
"""`majority`, `all`, a count such as `3`, or a share such as `60%`."""

AggregationName = Literal[
    "weighted_average", "median", "geometric_median", "fedadagrad", "fedadam", "fedyogi"
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Frozen):
    """How much a Director takes on; whoever asks for more is told which limit it is."""

    max_archive_bytes: int = Field(default=4 * _GIB, gt=0)
    max_model_bytes: int = Field(default=_GIB, gt=0)
    max_name_length: int = Field(default=128, gt=0, le=255)
    """Of experiments, collaborators and envoys, in characters; in UTF-8, 255 bytes at most."""
    max_text_length: int = Field(default=64 * 1024, gt=0)
    """Of a shard's description, of a device's fields, of a failure's description."""
    max_devices: int = Field(default=1_024, ge=0)
    max_shard_bytes: int = Field(default=96 * 1024, gt=0)
    """Of a shard's description and devices: ten thousand such are listed in one answer."""
    max_envoys: int = Field(default=1_000_000, gt=0)
    max_collaborators: int = Field(default=10_000, gt=0)
    max_waits_per_envoy: int = Field(default=16, gt=0)
    """Long polls that one envoy may hold at once."""
    max_experiments: int = Field(default=10_000, gt=0)
    max_experiments_per_owner: int = Field(default=100, gt=0)
    max_running_experiments: int = Field(default=32, gt=0)
    """More are accepted, and wait for their turn."""
    max_uploads: int = Field(default=64, gt=0)
    """Under way at once."""
    max_uploads_per_owner: int = Field(default=8, gt=0)
    """Of these, one owner's."""
    max_result_bytes: int = Field(default=_GIB, gt=0)
    """Of what a collaborator sends back for one task."""
    max_arriving_bytes: int = Field(default=4 * _GIB, gt=0)
    """Of all that collaborators are sending back; beyond it, they do so one after another."""
    max_downloads: int = Field(default=256, gt=0)
    """Archives on their way to envoys at once; more wait for their turn."""
    max_downloads_per_envoy: int = Field(default=4, gt=0)
    """Of these, and of those that wait, one envoy's."""
    max_model_fetches: int = Field(default=16, gt=0)
    """Trained models on their way to users at once; more wait for their turn."""
    max_model_fetches_per_owner: int = Field(default=4, gt=0)
    """Of these, and of those that wait, one owner's."""
    max_streams_per_experiment: int = Field(default=1_000, gt=0)
    """Followers of one experiment's metrics at once."""


class Retention(_Frozen):
    """For how long ended experiments are kept; by default until their owners remove them."""

    max_age_s: float | None = Field(default=None, gt=0)
    """An experiment is removed, models and metrics included, so long after its end."""
    max_bytes: int | None = Field(default=None, gt=0)
    """Those that ended first are removed while archives, models and metrics take more than this."""


class PickledCode(_Frozen):
    """How code that experiments have pickled is run, where `load_pickled_code` lets it."""

    python: str | None = Field(default=None, min_length=1)
    """The interpreter of an environment that has OpenFL; None: the Director's own."""
    timeout_s: float = Field(default=300, gt=0)
    """An experiment fails whose functions take longer for a round."""
    memory_bytes: int = Field(default=4 * _GIB, gt=0)
    """The same for more memory, tensors included."""


class Settings(_Frozen):
    """Everything about a Director that is not given by OpenFL's own configuration."""

    limits: Limits = Limits()
    retention: Retention = Retention()
    long_poll_s: float | None = Field(default=None, ge=1)
    """An unanswered WaitExperiment is told to ask again after this; None: the heartbeat period."""
    upload_idle_s: float = Field(default=300, gt=0)
    """An upload, a task's results or any request of which nothing comes for so long is given up."""
    min_upload_bytes_per_s: float = Field(default=10_240, gt=0)
    """The same for one that brings less, once it has taken that much longer."""
    download_idle_s: float = Field(default=300, gt=0)
    """Whoever takes nothing of what is sent to it for so long is cut off."""
    chunk_bytes: int = Field(default=2 * _MIB, gt=0, le=_GIB // 2)
    """Of archives on their way to envoys."""
    chunk_cache_bytes: int = Field(default=32 * _MIB, ge=0)
    """Chunks kept because other envoys are about to ask for them, too."""
    aggregator_address: str | None = None
    """Where collaborators reach this Director; None: as the plan says, else as it listens."""
    aggregator_port: Literal["own", "plan"] = "own"
    """On which port: the Director's own, or another where a plan fixes one."""
    aggregation: AggregationName = "weighted_average"
    """How tensors become one in experiments whose plan does not ask for a way of its own."""
    load_pickled_code: bool = False
    """DANGEROUS: whether aggregation functions that experiments have pickled are loaded.

    Whoever may submit an experiment can then run any code as the Director's user.
    """
    pickled_code: PickledCode = PickledCode()
    quorum: QuorumSetting = Quorum()
    """How many collaborators have to report for a round to go on without the dead."""
    offline_grace_s: float | None = Field(default=None, ge=0)
    """An offline collaborator counts as dead after this; None: four heartbeat periods."""
    below_quorum_s: float = Field(default=600, ge=0)
    """An experiment fails once so many are dead for so long that no round can close."""
    straggler_cutoff_s: float | None = Field(default=None, gt=0)
    """Rounds do not wait longer than this for slow collaborators once a quorum has reported; None:
    for as long as it takes.  Plans with a straggler policy of their own follow that."""


def _as_text(size: object) -> object:
    # OpenFL compares shapes as text, and people write numbers.
    return str(size) if isinstance(size, int) and not isinstance(size, bool) else size


Shape = tuple[Annotated[str, BeforeValidator(_as_text)], ...]


class Offer(_Frozen):
    """Where a Director listens, and which shards it takes."""

    listen_host: str = Field(default="[::]", min_length=1)
    listen_port: int = Field(default=50051, ge=0, le=65535)
    """0 finds a free one."""
    sample_shape: Shape = ("1",)
    target_shape: Shape = ("1",)


class Serving(Offer):
    """What a program says of the server that it wants."""

    envoy_health_check_period: float = Field(
        default=0, ge=0, le=LONGEST_PERIOD_S, allow_inf_nan=False
    )
    """In seconds; 0 stands for a minute."""

    @classmethod
    def of(cls, **told: object) -> "Serving":
        """Return what a program says.

        Raises:
            SettingsError: with every mistake.
        """
        try:
            return cls.model_validate(told)
        except ValidationError as error:
            lines = [f"{detail['loc'][0]}: {mistake(detail)}" for detail in error.errors()]
            raise SettingsError("\n".join(lines)) from None


def rules_of(
    settings: Settings,
    *,
    sample_shape: Sequence[str],
    target_shape: Sequence[str],
    heartbeat_period_s: float,
) -> Rules:
    """Return what the core has to know; a period of 0 stands for the default.

    OpenFL's own default is 0, with which its envoys send a thousand heartbeats a second.
    """
    limits = settings.limits
    return Rules(
        sample_shape=tuple(sample_shape),
        target_shape=tuple(target_shape),
        heartbeat_period_s=heartbeat_period_s or _DEFAULT_PERIOD_S,
        max_name_length=limits.max_name_length,
        max_text_length=limits.max_text_length,
        max_devices=limits.max_devices,
        max_shard_bytes=limits.max_shard_bytes,
        max_envoys=limits.max_envoys,
        max_collaborators=limits.max_collaborators,
        max_waits_per_envoy=limits.max_waits_per_envoy,
        max_experiments=limits.max_experiments,
        max_experiments_per_owner=limits.max_experiments_per_owner,
        max_running_experiments=limits.max_running_experiments,
        quorum=settings.quorum,
        offline_grace_s=settings.offline_grace_s,
        below_quorum_s=settings.below_quorum_s,
        straggler_cutoff_s=settings.straggler_cutoff_s,
    )
