"""What an envoy learns from, and how long it takes: real arithmetic on a tiny seeded problem.

Linear regression: every envoy has its own noisy samples of one common truth, so that the loss
falls from round to round and the average of many is better than any one of them.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from simulator.units import Share, Spread


class TrainingSpec(BaseModel):
    """How the envoys of a group train."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    takes: Spread = 1.0
    """One experiment's training on one envoy, its rounds together."""
    rounds: Annotated[int, Field(ge=1)] = 3
    """How many rounds an experiment for this group lasts, unless it says otherwise."""
    fails: Share = 0.0
    """The chance that one experiment breaks on one envoy, in a round left to chance."""
