"""Who is registered, when they were last heard of, and which long polls they hold.

An epoch numbers what an envoy cannot remember across: each registration and each connection
that it asks or downloads over begins a new one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from director.core.model import Device, EnvoyName, ExperimentId, Shard, WaitId
from director.core.rules import Rules
from director.errors import InvalidShardError, LimitExceededError, UnknownEnvoyError

# An envoy speaks over one connection at a time; beyond a few, the oldest are surely gone.
_REMEMBERED_CONNECTIONS = 64
_DEVICE_BYTES = 64
"""What a device takes on the wire at most, without its texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One parked long poll."""

    id: WaitId
    connection: str
    epoch: int


@dataclass(slots=True, kw_only=True)
class Envoy:
    """One registered envoy; only the federation changes it."""

    shard: Shard
    seen_at: float
    is_experiment_running: bool = False
    experiment: ExperimentId | None = None
    """What was handed to it last."""
    waits: dict[WaitId, Wait] = field(default_factory=dict)
    """Oldest first."""
    epoch: int = 1
    _epochs: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> EnvoyName:
        """Its name, which is its shard's."""
        return self.shard.envoy

    def touch(self, now: float) -> None:
        """Note a sign of life; a clock that steps back changes nothing."""
        self.seen_at = max(self.seen_at, now)

    def register(self, shard: Shard, now: float) -> None:
        """Take the new description; what went over the old connections counts no more."""
        self.shard = shard
        self.is_experiment_running = False
        self.experiment = None
        self.epoch += 1
        self._epochs.clear()
        self.touch(now)

    def epoch_over(self, connection: str) -> int:
        """Return the epoch that this connection belongs to; a new one begins its own."""
        epoch = self._epochs.pop(connection, 0)
        if not epoch:
            self.epoch += 1
            epoch = self.epoch
        self._epochs[connection] = epoch  # at the end: the least recently used go first
        if len(self._epochs) > _REMEMBERED_CONNECTIONS:
            del self._epochs[next(iter(self._epochs))]
        return epoch

    def newest_waits(self) -> tuple[Wait, ...]:
        """Return one long poll of each connection: any of the connections may be half-open."""
        if len(self.waits) < 2:  # noqa: PLR2004 - nothing to choose from
            return tuple(self.waits.values())
        return tuple({wait.connection: wait for wait in self.waits.values()}.values())


class Registry:
    """The registered envoys, in the order of first registration."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._envoys: dict[EnvoyName, Envoy] = {}
        self._waiting: dict[WaitId, Envoy] = {}

    def __iter__(self) -> Iterator[Envoy]:
        return iter(self._envoys.values())

    def __len__(self) -> int:
        return len(self._envoys)

    @property
    def waits(self) -> Mapping[WaitId, Envoy]:
        """Who holds which long poll."""
        return self._waiting

    def get(self, name: EnvoyName) -> Envoy:
        """Raises UnknownEnvoyError where it has to register first."""
        envoy = self._envoys.get(name)
        if envoy is None:
            raise UnknownEnvoyError(name)
        return envoy

    def find(self, name: EnvoyName) -> Envoy | None:
        """Return the envoy where it is registered."""
        return self._envoys.get(name)

    def fits(self, shard: Shard) -> bool:
        """Whether the shapes are the federation's."""
        rules = self._rules
        return (shard.sample_shape, shard.target_shape) == (rules.sample_shape, rules.target_shape)

    # ------------------------------------------------------------ refusals

    def check_shard(self, shard: Shard) -> None:
        """Raises InvalidShardError or LimitExceededError for what cannot be registered."""
        if not self.fits(shard):
            raise InvalidShardError("the shapes are not those of this federation")
        self._check_text(shard.description)
        self._check_devices(shard.devices)
        self._check_size(shard.description, shard.devices)
        if shard.envoy not in self._envoys and len(self._envoys) >= self._rules.max_envoys:
            limit = self._rules.max_envoys
            raise LimitExceededError(f"no more than {limit} envoys can be registered here")

    def check_heartbeat(self, name: EnvoyName, devices: tuple[Device, ...]) -> None:
        """Raises UnknownEnvoyError, or LimitExceededError for what is too much to keep."""
        envoy = self.get(name)
        if devices:
            self._check_devices(devices)
            self._check_size(envoy.shard.description, devices)

    def check_wait(self, name: EnvoyName, connection: str) -> None:
        """Raises UnknownEnvoyError, or LimitExceededError where one connection holds them all.

        Those of other connections may well be dead, so they give way instead.
        """
        envoy = self.get(name)
        limit = self._rules.max_waits_per_envoy
        if len(envoy.waits) < limit:
            return
        if all(wait.connection == connection for wait in envoy.waits.values()):
            raise LimitExceededError(f"you already hold {limit} long polls, which is the limit")

    def _check_devices(self, devices: tuple[Device, ...]) -> None:
        check_device_count(len(devices), self._rules.max_devices)
        for device in devices:
            for text in _texts(device):
                self._check_text(text)

    def _check_text(self, text: str) -> None:
        limit = self._rules.max_text_length
        if len(text) > limit:
            raise LimitExceededError(f"a shard's texts may have no more than {limit} characters")

    def _check_size(self, description: str, devices: tuple[Device, ...]) -> None:
        # All envoys are listed in one answer: one that fills it up would hide the others.
        limit = self._rules.max_shard_bytes
        size_bytes = _length(description) + sum(map(_size, devices))
        if size_bytes > limit:
            raise LimitExceededError(
                f"a shard may take no more than {limit} bytes, with its description and devices"
            )

    # ------------------------------------------------------------ changes

    def register(self, shard: Shard, now: float) -> None:
        """List the envoy, or replace what was known of it."""
        known = self._envoys.get(shard.envoy)
        if known is None:
            self._envoys[shard.envoy] = Envoy(shard=shard, seen_at=now)
        else:
            known.register(shard, now)

    def mistrust_future(self, now: float) -> None:
        """Take nobody for heard of who is remembered to have been so later than now."""
        for envoy in self._envoys.values():
            if envoy.seen_at > now:
                envoy.seen_at = now - self._rules.valid_s

    def restore(self, envoys: Iterable[Envoy]) -> None:
        """Take all in at once, as they were."""
        self._envoys = {envoy.name: envoy for envoy in envoys}

    def heartbeat(
        self, name: EnvoyName, *, is_running: bool, devices: tuple[Device, ...], now: float
    ) -> None:
        """Note a sign of life, and what came with it."""
        envoy = self.get(name)
        envoy.touch(now)
        envoy.is_experiment_running = is_running
        if devices:
            envoy.shard = replace(envoy.shard, devices=devices)

    def arrive(self, envoy: Envoy, wait: WaitId, connection: str, now: float) -> Wait:
        """Take a long poll as a sign of life, and describe it; it is not parked yet."""
        envoy.touch(now)
        return Wait(id=wait, connection=connection, epoch=envoy.epoch_over(connection))

    def park(self, envoy: Envoy, wait: Wait) -> WaitId | None:
        """Keep a long poll; return the one that had to give way, if any."""
        displaced = None
        if len(envoy.waits) >= self._rules.max_waits_per_envoy:
            displaced = next(
                (old.id for old in envoy.waits.values() if old.connection != wait.connection),
                next(iter(envoy.waits)),
            )
            self.unpark(displaced)
        envoy.waits[wait.id] = wait
        self._waiting[wait.id] = envoy
        return displaced

    def unpark(self, wait: WaitId) -> None:
        """Forget a long poll, if it is still there."""
        envoy = self._waiting.pop(wait, None)
        if envoy is not None:
            del envoy.waits[wait]


def check_device_count(count: int, limit: int) -> None:
    """Raises LimitExceededError for more devices than a shard may have."""
    if count > limit:
        raise LimitExceededError(f"a shard may have no more than {limit} devices")


def _texts(device: Device) -> tuple[str, ...]:
    return (
        device.device_utilization,
        device.cuda_driver_version,
        device.cuda_version,
        device.name,
    )


def _size(device: Device) -> int:
    return _DEVICE_BYTES + sum(map(_length, _texts(device)))


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
