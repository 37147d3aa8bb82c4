"""Every promise of liveness, in the order in which they are judged."""

from simulator.checkers.base import Checker
from simulator.checkers.expect import Expect
from simulator.checkers.liveness_calls import Answered, Delivery, Throughput
from simulator.checkers.liveness_experiments import ExperimentsEnd, NoBlocking, StreamsEnd
from simulator.checkers.liveness_presence import AllOnline, Comeback
from simulator.checkers.liveness_storm import NoStorm


def liveness_checkers(expect: Expect) -> tuple[Checker, ...]:
    """Return the promises of liveness, as strict as a scenario wants them."""
    return (
        AllOnline(within_s=expect.recover.all_online_within),
        ExperimentsEnd(),
        Delivery(),
        Answered(),
        StreamsEnd(),
        NoBlocking(),
        Comeback(),
        NoStorm(),
        Throughput(),
    )


LIVENESS: tuple[Checker, ...] = liveness_checkers(Expect())
"""The promises of liveness, as strict as they are where a scenario says nothing."""
