"""What one federation demands, and how much it takes on.

Values only; where they come from (a file, a test) is not the core's to know.
"""

from dataclasses import dataclass


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
    max_envoys: int = 1_000_000
    max_collaborators: int = 10_000
    max_waits_per_envoy: int = 16
    max_experiments: int = 10_000
    max_experiments_per_owner: int = 100
    max_running_experiments: int = 32

    @property
    def valid_s(self) -> float:
        """For how long a sign of life counts: one heartbeat may get lost."""
        return 2 * self.heartbeat_period_s
