"""What collaborators sent to the aggregator of an experiment, and which of it must have counted.

Results are acknowledged even where they come too late, so being answered OK is not enough: a
result was in time where its round was still open afterwards, or where nothing at all had befallen
its sender, so that no round can have closed without it.

A round may close without somebody, and then nothing that this one sent for it is part of the
model or of a mean, although what it measured was seen.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from simulator.checkers.answers import is_impostor
from simulator.checkers.experiments import Experiments, Submission, sightings
from simulator.checkers.liveness_facts import Peace, lived_through, lives
from simulator.history.calls import NEVER, Call
from simulator.history.fields import flag, items, text, whole
from simulator.history.history import History


class Key(NamedTuple):
    """What a result is for: of several with the same key only the first counts."""

    sender: str
    round: int
    task: str


@dataclass(slots=True)
class Run:
    """The aggregation of one experiment."""

    submission: Submission
    rounds: int
    results: dict[int, dict[Key, list[Call]]] = field(default_factory=dict)
    """By round, those that may have counted, in the order in which they were sent."""
    certain: set[Key] = field(default_factory=set)
    """Of which one was in time, if the experiment finished."""
    tensors: list[Call] = field(default_factory=list)
    """Answers to GetAggregatedTensor, in order."""
    open_until: dict[int, int] = field(default_factory=dict)
    """Where somebody last asked who was told that this round is the current one."""
    finished_index: int = NEVER
    """Where it was first seen finished."""
    _closed: list[tuple[int, int]] = field(default_factory=list)
    """Where it became known that so many rounds had closed, in order."""
    _begun: dict[int, int] = field(default_factory=dict)
    """Where the first result of each round was sent."""
    _tasks: dict[int, dict[str, None]] = field(default_factory=dict)
    """By round, the tasks that anybody may have reported, in the order of their first results."""

    def add(self, key: Key, call: Call) -> None:
        """Take in a result that may have counted; they come in the order of the record."""
        self.results.setdefault(key.round, {}).setdefault(key, []).append(call)
        self._tasks.setdefault(key.round, {})[key.task] = None
        self._begun.setdefault(key.round, call.invoke_index)

    def may_count(self, sender: str, round_number: int) -> bool:
        """Whether a collaborator may have reported everything before a round closed."""
        return all(key in self.results[round_number] for key in self._keys(sender, round_number))

    def must_count(self, sender: str, round_number: int) -> bool:
        """Whether a collaborator had certainly reported everything before a round closed."""
        return all(key in self.certain for key in self._keys(sender, round_number))

    def _keys(self, sender: str, round_number: int) -> Iterator[Key]:
        return (Key(sender, round_number, task) for task in self._tasks.get(round_number, ()))

    def learn(self, index: int, closed: int) -> None:
        """Take in that so many rounds have closed; they come in the order of the record."""
        if not self._closed or self._closed[-1][1] < closed:
            self._closed.append((index, closed))

    def closed_before(self, index: int) -> int:
        """Return how many rounds had certainly closed before an entry."""
        if self.finished_index < index:
            return self.rounds
        position = bisect_right(self._closed, (index, -1)) - 1
        return min(self.rounds, self._closed[position][1]) if position >= 0 else 0

    def may_have_closed_before(self, index: int) -> int:
        """Return how many rounds may have closed: none for which nobody had sent anything."""
        begun = [number + 1 for number, first in self._begun.items() if first < index]
        return max(begun, default=0)


class Runs:
    """The runs of a history, by the upload that began each."""

    def __init__(self, history: History, experiments: Experiments) -> None:
        self._history = history
        self._by_federation = _runs(history, experiments)
        # Two federations of one upload: nobody can tell which one's results counted.
        uploads = Counter(run.submission.call.number for run in self._by_federation.values())
        self._by_upload = {
            run.submission.call.number: run
            for run in self._by_federation.values()
            if uploads[run.submission.call.number] == 1
        }
        self._read_results()
        self._read_answers()
        self._read_ends(experiments)

    def __iter__(self) -> Iterator[Run]:
        return iter(self._by_upload.values())

    def of(self, submission: Submission | None) -> Run | None:
        """Return the run of an upload; None where none is known."""
        return None if submission is None else self._by_upload.get(submission.call.number)

    def _run_of(self, call: Call) -> Run | None:
        """Return the run that a collaborator's call is about, if it is one of its own."""
        key = (text(call.request, "experiment"), text(call.request, "federation"))
        run = self._by_federation.get(key)
        if run is None or is_impostor(self._history, call):
            return None
        return run if run.submission.has(text(call.request, "name")) else None

    def _read_results(self) -> None:
        calm = _Calm(self._history)
        for call in self._history.calls("SendLocalTaskResults"):
            run = self._run_of(call)
            if run is None or not call.may_have_happened or call.request.get("pieces") == 0:
                continue
            key = key_of(call)
            if 0 <= key.round < run.rounds and not self._is_repetition(run, key, call):
                run.add(key, call)
                is_awaited = self._history.header.waits_for_slow
                if call.is_ok and is_awaited and calm.spared(call, since=run.submission.call):
                    run.certain.add(key)

    def _is_repetition(self, run: Run, key: Key, call: Call) -> bool:
        """Whether another result had counted before, unless a restart has lost it."""
        return any(
            other.settled_index < call.invoke_index
            and not self._history.spans_a_restart(other.invoke_index, call.ended_index)
            for other in run.results.get(key.round, {}).get(key, ())
        )

    def _read_answers(self) -> None:
        answers = [
            call
            for topic in ("GetTasks", "GetAggregatedTensor")
            for call in self._history.calls(topic)
            if call.is_ok
        ]
        for call in sorted(answers, key=lambda call: call.ended_index):
            run = self._run_of(call)
            if run is None:
                continue
            if call.topic == "GetAggregatedTensor":
                run.tensors.append(call)
                run.learn(call.ended_index, whole(call.request, "round"))
            elif not flag(call.response, "quit"):
                current = whole(call.response, "round")
                run.learn(call.ended_index, current)
                run.open_until[current] = max(run.open_until.get(current, -1), call.invoke_index)
        for run in self:
            _count_what_was_in_time(run)

    def _read_ends(self, experiments: Experiments) -> None:
        for sighting in sightings(self._history):
            if sighting.status == "finished":
                run = self.of(experiments.only_candidate(sighting.name, sighting.call))
                if run is not None:
                    run.finished_index = min(run.finished_index, sighting.call.ended_index)


def key_of(result: Call) -> Key:
    """Return what a result is for."""
    request = result.request
    return Key(text(request, "name"), whole(request, "round"), text(request, "task"))


def _runs(history: History, experiments: Experiments) -> dict[tuple[str, str], Run]:
    """Return the runs that gave work to a collaborator, by experiment and federation."""
    found: dict[tuple[str, str], Run] = {}
    for call in history.calls("GetTasks"):
        name = text(call.request, "experiment")
        key = (name, text(call.request, "federation"))
        if key in found or not call.is_ok or not items(call.response, "tasks"):
            continue
        submission = experiments.only_candidate(name, call)
        if submission is not None:
            rounds = whole(submission.call.request, "rounds")
            found[key] = Run(submission=submission, rounds=rounds)
    return found


def _count_what_was_in_time(run: Run) -> None:
    """A round that somebody still found open has counted what had come before."""
    for number, results in run.results.items():
        asked = run.open_until.get(number, -1)
        for key, calls in results.items():
            if any(call.settled_index < asked for call in calls):
                run.certain.add(key)


class _Calm:
    """Whom nothing has befallen."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._peace = Peace.of(history)
        self._lives = lives(history)
        self._touches: dict[str, list[float]] = {}
        for note in history.notes("fault.touch"):
            self._touches.setdefault(note.actor, []).append(note.time)

    def spared(self, result: Call, *, since: Call) -> bool:
        """Whether nothing befell the sender of a result from an upload on."""
        assert result.completed_at is not None
        begin, end = since.invoked_at, result.completed_at
        touches = self._touches.get(result.actor, [])
        return (
            bisect_right(touches, end) == bisect_right(touches, begin)
            and lived_through(self._lives.get(result.actor, ()), begin, end)
            and self._peace.is_undisturbed(result.actor, begin, end)
            and not self._history.spans_a_restart(since.invoke_index, result.ended_index)
        )
