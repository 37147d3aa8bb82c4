"""How much of an uploaded archive this Director is willing to look at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """Bounds on what reading one archive may cost; whoever exceeds one is told which."""

    max_members: int = 20_000
    max_uncompressed_bytes: int = 8 * 2**30
    max_ratio: float = 200.0
    """Uncompressed bytes to a byte of archive, judged over the whole and only past 16 MiB."""
    max_plan_bytes: int = 256 * 2**10
    max_yaml_depth: int = 32
    max_yaml_nodes: int = 10_000
    """Every alias counts as often as what it stands for."""
    max_pickle_bytes: int = 2**20
    """Of the pickles that name tasks and aggregation functions, not of a model's."""
    max_pickle_steps: int = 100_000
    max_code_bytes: int = 64 * 2**20
    """Of the modules that a workspace brings, where the operator lets them be run."""
