"""What one federation demands, and how much it takes on.

Values only; where they come from (a file, a test) is not the core's to know.
"""

import math
from dataclasses import dataclass

_ALL = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """How many collaborators have to report for a round to go on without the dead.

    A count, or a share of the experiment's collaborators; without either, more than half of them.
    """

    count: int | None = None
    percent: float | None = None

    def __str__(self) -> str:
        if self.count is not None:
            return str(self.count)
        if self.percent is None:
            return "majority"
        return "all" if self.percent == _ALL else f"{self.percent:g}%"

    def of(self, collaborators: int) -> int:
        """Return how many of so many that is: at least one, and no more than there are."""
        if self.count is not None:
            wanted = self.count
        elif self.percent is not None:
            # 60 % of 5 is 3, although no float says so.
            wanted = math.ceil(round(collaborators * self.percent / _ALL, 9))
        else:
            wanted = collaborators // 2 + 1
        return min(max(wanted, 1), collaborators)

    @classmethod
    def read(cls, written: object) -> "Quorum":
        """Return what `majority`, `all`, `3` or `60%` means.

        Raises:
            ValueError: it is none of these.
        """
        if isinstance(written, Quorum):
            return written
        text = str(written).strip()
        if text == "majority":
            return cls()
        if text == "all":
            return cls(percent=_ALL)
        if text.isdecimal() and text.isascii() and int(text) > 0 and not isinstance(written, float):
            return cls(count=int(text))
        if text.endswith("%") and 0 < (percent := _number(text.removesuffix("%"))) <= _ALL:
            return cls(percent=percent)
        raise ValueError("be majority, all, a count such as 3, or a share such as 60%")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Shapes that shards must have, the rhythm of heartbeats, and the limits."""

    sample_shape: tuple[str, ...] = ("1",)
    target_shape: tuple[str, ...] = ("1",)
    heartbeat_period_s: float = 60.0
    max_name_length: int = 128
    max_text_length: int = 64 * 1024
    """Of a shard's description, of a device's fields, of a failure's description."""
    max_devices: int = 1_024
    max_shard_bytes: int = 96 * 1024
    """Of its description and devices: ten thousand envoys are listed in one answer of a GiB."""
    max_envoys: int = 1_000_000
    max_collaborators: int = 10_000
    max_waits_per_envoy: int = 16
    max_experiments: int = 10_000
    max_experiments_per_owner: int = 100
    max_running_experiments: int = 32
    quorum: Quorum = Quorum()
    offline_grace_s: float | None = None
    """So long may a collaborator be offline and still be waited for; None: twice `valid_s`."""
    below_quorum_s: float = 600.0
    """So long may a round lack the living collaborators for a quorum before its run fails."""
    straggler_cutoff_s: float | None = None
    """So long does a round wait for slow collaborators once a quorum has reported; None: for ever.

    A plan that has a policy of its own follows that instead.
    """

    @property
    def valid_s(self) -> float:
        """For how long a sign of life counts: one heartbeat may get lost."""
        return 2 * self.heartbeat_period_s

    @property
    def dead_after_s(self) -> float:
        """For how long nothing may be heard of a collaborator for it to be waited for."""
        grace_s = 2 * self.valid_s if self.offline_grace_s is None else self.offline_grace_s
        return self.valid_s + grace_s
