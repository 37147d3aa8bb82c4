"""How a peer behaves when the network or the Director does not: deadlines, retries, deaths.

Every timing is a named field; where it comes from stands beside it.
"""

from dataclasses import dataclass, replace
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before trying again; the n-th wait (from 0) grows up to a limit."""

    first_s: float
    factor: float = 1.0
    longest_s: float = 60.0
    jitter: float = 0.0
    """The share of a wait that is left to chance, so that a fleet does not return as one."""

    def draw(self, attempt: int, random: Random) -> float:
        """Return seconds; no chance is drawn where there is no jitter."""
        # Beyond 2**32 the power alone would overflow, long after the limit was reached.
        wait_s = min(self.longest_s, self.first_s * self.factor ** min(attempt, 32))
        if not self.jitter:
            return wait_s
        return wait_s * (1 - self.jitter * random.random())


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One way for envoys and frontends to behave; None as a deadline: wait for ever."""

    name: str
    unary_deadline_s: float | None
    """Of short questions and registrations."""
    heartbeat_deadline_s: float | None
    transfer_deadline_s: float | None
    """Of a whole upload or download."""
    aggregator_deadline_s: float | None
    retry: Backoff
    """Between attempts of a call that failed and is made again."""
    ask_again: Backoff
    """Before the next WaitExperiment, where the last one brought nothing or an error."""
    attempts: int
    """How often a frontend makes one call, while the answer leaves open whether it happened."""
    download_attempts: int
    """How often an envoy downloads one archive before it gives up on it."""
    idle_s: float
    """Between two GetTasks, where the aggregator names no time."""
    breath_s: float
    """Between one experiment, however it went, and asking for the next."""
    silent_s: float
    """Until the next heartbeat, where no period was ever told."""
    heart_hurries: bool
    """Whether a heartbeat that was not answered in time is repeated before the next is due."""
    whole_seconds: bool
    """Whether it reads only the whole seconds of the period that it is told."""
    sends_client_id: bool
    """Whether an envoy names itself in the metadata; frontends always do."""
    heart_alone_registers: bool
    """Whether it registers again on a heartbeat's NOT_FOUND alone, not on a WaitExperiment's."""
    resends_leftovers: bool
    """Whether results that met an outage are sent again as what is left of them, which is nothing.

    Only an answer that says so makes it begin again from the first piece.
    """
    heart_survives_errors: bool
    """Whether heartbeats go on after an error other than NOT_FOUND."""
    loop_survives_errors: bool
    """Whether an envoy still works after an error of GetExperimentData or SetExperimentFailed."""


ROBUST = Profile(
    name="robust",
    unary_deadline_s=10.0,  # an answer takes milliseconds; ten seconds tell an outage from a delay
    heartbeat_deadline_s=10.0,  # the same; a period is seldom shorter
    transfer_deadline_s=120.0,  # outlasts a minute's black hole, and 8 MiB at 100 KiB/s
    aggregator_deadline_s=10.0,
    # From a second to a quarter of a minute, half of it chance: a fleet of a thousand
    # comes back over seconds, and nobody is away longer than a heartbeat or two.
    retry=Backoff(first_s=1.0, factor=2.0, longest_s=15.0, jitter=0.5),
    ask_again=Backoff(first_s=0.1, factor=4.0, longest_s=15.0, jitter=0.5),
    attempts=32,  # a user goes on trying for minutes
    download_attempts=4,
    idle_s=10.0,
    breath_s=0.5,
    silent_s=5.0,
    heart_hurries=True,
    whole_seconds=False,
    sends_client_id=True,
    heart_alone_registers=False,
    resends_leftovers=False,
    heart_survives_errors=True,
    loop_survives_errors=True,
)

OPENFL_1_6 = Profile(
    name="openfl-1.6",
    unary_deadline_s=None,  # OpenFL sets no deadline anywhere
    heartbeat_deadline_s=10.0,  # OpenFL has none; with none, one lost answer would end the heart
    transfer_deadline_s=None,
    aggregator_deadline_s=None,
    retry=Backoff(first_s=5.0),  # plan: network.settings.client_reconnect_interval
    ask_again=Backoff(first_s=5.0),  # envoy.py: DEFAULT_RETRY_TIMEOUT_IN_SECONDS
    attempts=1,  # an error is the user's to see
    download_attempts=1,
    idle_s=10.0,  # aggregator.py: sleep_time of a collaborator with nothing to do
    breath_s=0.036,  # a real one did 1,092 rounds of download and failure in 39 s
    heart_hurries=False,
    silent_s=5.0,  # envoy.py: DEFAULT_RETRY_TIMEOUT_IN_SECONDS
    whole_seconds=True,  # director_client.py reads health_check_period.seconds
    sends_client_id=False,
    heart_alone_registers=True,
    resends_leftovers=False,
    heart_survives_errors=True,
    loop_survives_errors=True,
)

OPENFL_1_6_BRITTLE = replace(
    OPENFL_1_6,
    name="openfl-1.6-brittle",
    heartbeat_deadline_s=None,  # as it really is: a lost answer hangs the heart
    resends_leftovers=True,  # grpc_interceptor retries with an iterator that is used up
    heart_survives_errors=False,
    loop_survives_errors=False,
)

PROFILES = {profile.name: profile for profile in (ROBUST, OPENFL_1_6, OPENFL_1_6_BRITTLE)}
"""By the name that scenarios use."""
