"""The guarantees, and the evidence against them."""

from simulator.checkers.liveness import LIVENESS
from simulator.checkers.safety import SAFETY

CHECKERS = (*SAFETY, *LIVENESS)
"""The catalogue, in the order in which promises are judged; liveness as strict as by default."""

__all__ = ["CHECKERS", "LIVENESS", "SAFETY"]
