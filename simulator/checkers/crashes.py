"""When the Director went down, and what stood on either side of it.

Facts read off the record; no promise is judged here.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from simulator.checkers.answers import is_answered
from simulator.checkers.delivery import ENDED
from simulator.checkers.experiments import Experiments, Sighting, Submission, owner_of, sightings
from simulator.history.calls import NEVER, Call
from simulator.history.entry import Entry
from simulator.history.fields import flag, text
from simulator.history.history import History

OWNERS = (
    "GetExperimentStatus",
    "GetExperimentDescription",
    "GetTrainedModel",
    "GetMetricStream",
)
"""What an owner asks of one experiment."""


@dataclass(frozen=True, slots=True)
class Crashes:
    """The ends of Directors, killed or stopped, that others followed."""

    _downs: Sequence[Entry]
    _indexes: Sequence[int]

    @classmethod
    def of(cls, history: History) -> "Crashes":
        """Read when the Director went down and came up again."""
        starts = [start.index for start in history.notes("director.start")]
        downs = sorted(
            (
                down
                for topic in ("director.kill", "director.stop")
                for down in history.notes(topic)
                if starts and starts[-1] > down.index
            ),
            key=lambda down: down.index,
        )
        return cls(downs, [down.index for down in downs])

    @property
    def last(self) -> Entry | None:
        """The last one, if there was any."""
        return self._downs[-1] if self._downs else None

    def between(self, known: int, asked: int) -> Entry | None:
        """Return the last one that lies between an entry and a later one."""
        before = bisect_left(self._indexes, asked)
        if before and self._indexes[before - 1] > known:
            return self._downs[before - 1]
        return None

    def life(self, index: int) -> int:
        """Return how many there had been before an entry."""
        return bisect_right(self._indexes, index)


@dataclass(slots=True, kw_only=True)
class Trust:
    """An experiment that its owner has reason to rely on, and what the owner asked of it."""

    submission: Submission
    known: Call
    """What told the owner that it is there: the upload's own answer, or a later one."""
    questions: list[Call] = field(default_factory=list)
    """What the owner asked while it had to be there, and was answered, in order of asking."""
    streams: list[Call] = field(default_factory=list)
    """Streams of metrics that brought something meanwhile, broken ones too."""
    sightings: list[Sighting] = field(default_factory=list)
    """Statuses that can be of no other experiment, in order of the answers."""
    ended: Call | None = None
    """What first told the owner that it had ended."""

    @property
    def what(self) -> str:
        """It, in words."""
        return f"experiment {self.submission.name[:60]!r} of {self.submission.owner or 'nobody'}"

    @property
    def known_index(self) -> int:
        """From here on it is acknowledged."""
        return self.known.ended_index

    def had_ended(self, call: Call) -> bool:
        """Whether its owner knew that it had ended before a call was made."""
        return self.ended is not None and self.ended.ended_index < call.invoke_index

    def must_be_there(self, call: Call) -> bool:
        """Whether it was acknowledged before a call, and not removed until after it."""
        return (
            self.known_index < call.invoke_index and self.submission.may_go_index > call.ended_index
        )


def trusts(history: History, experiments: Experiments) -> Sequence[Trust]:
    """Return every experiment that was acknowledged, by name in the order of its first upload."""
    seen = _seen(history, experiments)
    asked = _asked(history)
    found = []
    for submission in experiments.all_submissions():
        sighted = seen.get(submission.call.number, [])
        known = submission.call if submission.is_certain else _first(sighted)
        if known is None:
            continue
        trust = Trust(submission=submission, known=known, sightings=sighted)
        trust.ended = next((s.call for s in sighted if s.status in ENDED), None)
        for call in asked.get((submission.owner, submission.name), ()):
            if trust.must_be_there(call):
                if is_answered(call):
                    trust.questions.append(call)
                if call.response.get("metrics"):
                    trust.streams.append(call)
        found.append(trust)
    return found


def _seen(history: History, experiments: Experiments) -> Mapping[int, list[Sighting]]:
    """Return, by the upload's number, statuses that can be of no other experiment."""
    found: dict[int, list[Sighting]] = {}
    for sighting in sightings(history):
        submission = experiments.only_candidate(sighting.name, sighting.call)
        if sighting.status and submission is not None and submission.owner == sighting.owner:
            found.setdefault(submission.call.number, []).append(sighting)
    return found


def _first(sighted: Sequence[Sighting]) -> Call | None:
    return sighted[0].call if sighted else None


def _asked(history: History) -> Mapping[tuple[str, str], list[Call]]:
    """Return, by who asked for what, every question in the order of asking."""
    found: dict[tuple[str, str], list[Call]] = {}
    for topic in OWNERS:
        for call in history.calls(topic):
            key = (owner_of(call), text(call.request, "experiment"))
            found.setdefault(key, []).append(call)
    for calls in found.values():
        calls.sort(key=lambda call: call.invoke_index)
    return found


def failure_may_be_reported(history: History, trust: Trust) -> bool:
    """Whether somebody who takes part may have said that the experiment broke."""
    name = trust.submission.name
    return any(
        call.may_have_happened
        for call in history.calls("SetExperimentFailed")
        if text(call.request, "experiment") == name
    )


def registered_at(history: History) -> Mapping[str, Call]:
    """Return the first accepted registration of each envoy, by its name."""
    found: dict[str, Call] = {}
    for call in history.calls("UpdateShardInfo"):
        if call.is_ok and flag(call.response, "accepted"):
            found.setdefault(text(call.request, "name"), call)
    return found


def is_absent(call: Call) -> bool:
    """Whether an owner was told that there is no such experiment; the reference says so by ""."""
    if call.topic == "GetExperimentStatus" and call.is_ok:
        return not text(call.response, "status")
    return call.code == "NOT_FOUND"


def is_gone(removal: Call) -> bool:
    """Whether a removal certainly took effect, and takes effect no more."""
    is_told = removal.is_ok and flag(removal.response, "acknowledged")
    return is_told and removal.settled_index < NEVER
