"""Which experiments there were, and what their owners saw of them, as far as a record can tell.

Several checkers ask the same questions of uploads and removals; the answers are found here once.
Nothing here judges.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from simulator.history.calls import NEVER, Call
from simulator.history.fields import flag, tables, text, texts
from simulator.history.history import History

_RUNNING = frozenset({"pending", "in_progress"})


def owner_of(call: Call) -> str:
    """Return under whose name a call is made; a plaintext client without a name is one nobody."""
    return "" if call.identity == "__default__" else call.identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """An upload that was accepted, or may have been."""

    call: Call
    name: str
    owner: str
    collaborators: tuple[str, ...]
    is_certain: bool
    """Whether it was answered as accepted."""
    may_go_index: int
    """From here on its owner's removal may have taken effect."""
    gone_index: int
    """From here on it is certainly removed."""
    _members: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_members", frozenset(self.collaborators))

    def has(self, envoy: str) -> bool:
        """Whether an envoy is one of the collaborators, be they thousands."""
        return envoy in self._members

    def may_exist_during(self, call: Call) -> bool:
        """Whether it may be there at some moment of a call."""
        return self.call.invoke_index < call.ended_index and self.gone_index > call.invoke_index

    def exists_throughout(self, call: Call) -> bool:
        """Whether it is there at every moment of a call, unless a restart lost it."""
        return (
            self.is_certain
            and self.call.ended_index < call.invoke_index
            and self.may_go_index > call.ended_index
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What an owner was told of an experiment: its status, "" where it was said not to be there."""

    call: Call
    owner: str
    name: str
    status: str


class Experiments:
    """Uploads by name, and the generations of a name that removals separate."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._removals: dict[tuple[str, str], list[Call]] = {}
        for call in history.calls("RemoveExperimentData"):
            if _may_remove(call):
                key = (owner_of(call), text(call.request, "experiment"))
                self._removals.setdefault(key, []).append(call)
        self._by_name: dict[str, list[Submission]] = {}
        for call in history.calls("SetNewExperiment"):
            if _may_be_accepted(call):
                submission = self._submission(call)
                self._by_name.setdefault(submission.name, []).append(submission)
        self._dues: dict[tuple[str, str], list[tuple[int, int]]] = {}
        """Where the Director itself may have removed an experiment, and where it surely had."""
        if history.header.max_age_s or history.header.max_stored_bytes:
            self._let_go_of_what_is_due()
        self._cuts: dict[tuple[str, str], tuple[list[int], list[int]]] = {}

    def submissions(self, name: str) -> Sequence[Submission]:
        """Every upload of this name that may have been accepted, in order."""
        return self._by_name.get(name, ())

    def all_submissions(self) -> Iterator[Submission]:
        """Every upload that may have been accepted, by name in order of its first upload."""
        for submissions in self._by_name.values():
            yield from submissions

    def candidates(self, name: str, call: Call) -> list[Submission]:
        """Which experiments a call may have found under a name."""
        return [s for s in self.submissions(name) if s.may_exist_during(call)]

    def only_candidate(self, name: str, call: Call) -> Submission | None:
        """Return the one experiment that a call can have found; None where there are several."""
        found = self.candidates(name, call)
        return found[0] if len(found) == 1 else None

    def removals(self, owner: str, name: str) -> Sequence[Call]:
        """Removals of a name by one owner that may have taken effect, in order."""
        return self._removals.get((owner, name), ())

    def generation(self, owner: str, name: str, call: Call) -> int | None:
        """Tell a name's experiment from its namesakes before and after.

        None where the call may have met the one as well as the other.
        """
        starts, ends = self._cuts_of(owner, name)
        passed = bisect_left(ends, call.invoke_index)
        if passed < len(starts) and starts[passed] < call.ended_index:
            return None
        return passed

    def _submission(self, call: Call) -> Submission:
        name, owner = text(call.request, "experiment"), owner_of(call)
        may_go, gone = NEVER, NEVER
        for removal in self.removals(owner, name):
            if removal.settled_index > call.invoke_index:
                may_go = min(may_go, removal.invoke_index)
            was_there = removal.is_ok and flag(removal.response, "acknowledged")
            if was_there and call.precedes(removal):
                gone = min(gone, removal.ended_index)
        return Submission(
            call=call,
            name=name,
            owner=owner,
            collaborators=texts(call.request, "collaborators"),
            is_certain=call.is_ok,
            may_go_index=may_go,
            gone_index=gone,
        )

    def _let_go_of_what_is_due(self) -> None:
        """Take into account that the Director removes what has ended, too."""
        seen: dict[tuple[str, str], list[Sighting]] = {}
        for sighting in sightings(self._history):
            seen.setdefault((sighting.owner, sighting.name), []).append(sighting)
        for name, submissions in self._by_name.items():
            for number, submission in enumerate(submissions):
                heirs = [heir.call for heir in submissions[number + 1 :] if heir.is_certain]
                until = heirs[0].ended_index if heirs else NEVER
                sighted = [
                    sighting
                    for sighting in seen.get((submission.owner, name), ())
                    if submission.call.precedes(sighting.call)
                    and sighting.call.ended_index < (heirs[0].invoke_index if heirs else NEVER)
                ]
                may_go, gone = _removed_when_due(self._history, submission, sighted, until)
                submissions[number] = replace(
                    submission,
                    may_go_index=min(submission.may_go_index, may_go),
                    gone_index=min(submission.gone_index, gone),
                )
                self._dues.setdefault((submission.owner, name), []).append((may_go, gone))

    def _cuts_of(self, owner: str, name: str) -> tuple[list[int], list[int]]:
        key = (owner, name)
        if key not in self._cuts:
            self._cuts[key] = _merged(
                [(r.invoke_index, r.settled_index) for r in self.removals(owner, name)]
                + self._losses(name)
                + self._dues.get(key, [])
            )
        return self._cuts[key]

    def _losses(self, name: str) -> list[tuple[int, int]]:
        """Where a restart may have lost an experiment: only if it was uploaded again later."""
        last = max((s.call.settled_index for s in self.submissions(name)), default=-1)
        return [(index, last) for index in self._history.life_indexes if index < last]


def sightings(history: History) -> list[Sighting]:
    """Everything that owners and others were told of experiments, in the order of the answers."""
    found = []
    for call in history.calls("GetExperimentStatus"):
        if call.is_ok:
            found.append(_sighting(call, text(call.response, "status")))
        elif call.code == "NOT_FOUND":
            found.append(_sighting(call, ""))
    for call in history.calls("GetExperimentDescription"):
        if call.is_ok:
            found.append(_sighting(call, text(call.response, "status")))
        elif call.code == "NOT_FOUND":
            found.append(_sighting(call, ""))
    for call in history.calls("GetExperimentsList"):
        if call.is_ok:
            found.extend(
                Sighting(
                    call=call,
                    owner=owner_of(call),
                    name=text(item, "name"),
                    status=text(item, "status"),
                )
                for item in tables(call.response, "experiments")
            )
    return sorted(found, key=lambda sighting: sighting.call.ended_index)


def _sighting(call: Call, status: str) -> Sighting:
    return Sighting(
        call=call, owner=owner_of(call), name=text(call.request, "experiment"), status=status
    )


def _removed_when_due(
    history: History, submission: Submission, sighted: Sequence[Sighting], until: int
) -> tuple[int, int]:
    """Return from where on its Director may have removed an experiment, and surely has.

    `sighted` is what its owner was told of it alone, `until` where another had taken its name.
    """
    running = [sighting.call for sighting in sighted if sighting.status in _RUNNING]
    # It had not ended when that was asked.
    last = running[-1] if running else submission.call
    may_go = last.invoke_index
    if not history.header.max_stored_bytes:
        due_at = last.invoked_at + history.header.max_age_s
        may_go = bisect_left(history.entries, due_at, key=lambda entry: entry.time)
    missed = [sighting.call.ended_index for sighting in sighted if not sighting.status]
    return may_go, min([until, *missed])


def _may_be_accepted(call: Call) -> bool:
    if call.is_ok:
        return flag(call.response, "accepted")
    return call.may_have_happened


def _may_remove(call: Call) -> bool:
    if call.is_ok and not call.is_doubled:
        return flag(call.response, "acknowledged")
    return call.may_have_happened


def _merged(windows: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Return starts and ends of the windows, those that overlap as one, in order."""
    starts: list[int] = []
    ends: list[int] = []
    for start, end in sorted(windows):
        if ends and start <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
    return starts, ends
