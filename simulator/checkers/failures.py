"""What a report of failure does, whoever makes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.checkers.answers import FAILURE, is_answered, is_impostor
from simulator.checkers.base import Checker, Docket, when
from simulator.checkers.delivery import CertainFailure, certain_failures
from simulator.checkers.experiments import Experiments, Sighting, Submission, sightings
from simulator.checkers.liveness_facts import Peace, lived_through, lives
from simulator.checkers.uploads import what_is_wrong
from simulator.history.calls import Call
from simulator.history.fields import text
from simulator.history.history import History


class ParticipantsMayFail(Checker):
    """A collaborator's word fails an experiment, a stranger's does nothing, and both hear OK."""

    guarantee = "failure-report"
    promise = (
        "SetExperimentFailed by a participant makes the experiment failed; by anyone else, of an"
        " unknown or ended experiment, or repeated, it changes nothing; the answer is always OK."
        "  Where its disk refuses, the Director makes it so once it can."
    )

    def examine(self, history: History, docket: Docket) -> None:
        record = _Record.of(history)
        for report in history.calls(FAILURE):
            if is_answered(report):
                docket.occasion()
                _judge_answer(history, docket, report)
        for failure in certain_failures(history, record.experiments):
            _judge_effect(docket, record, failure)
        for sighting in record.first_failures():
            _judge_cause(docket, record, sighting)


@dataclass(frozen=True, slots=True)
class _Record:
    """What several of the judgements look at."""

    history: History
    experiments: Experiments
    sightings: dict[tuple[str, str], list[Sighting]]
    """By owner and name, in the order of the answers."""
    reports: dict[str, list[Call]]
    """By experiment, those that may have happened."""

    @classmethod
    def of(cls, history: History) -> "_Record":
        seen: dict[tuple[str, str], list[Sighting]] = {}
        for sighting in sightings(history):
            seen.setdefault((sighting.owner, sighting.name), []).append(sighting)
        reports: dict[str, list[Call]] = {}
        for report in history.calls(FAILURE):
            if report.may_have_happened:
                reports.setdefault(text(report.request, "experiment"), []).append(report)
        return cls(history, Experiments(history), seen, reports)

    def first_failures(self) -> list[Sighting]:
        """Return the first sighting of each experiment as failed."""
        found = []
        for seen in self.sightings.values():
            failed = [sighting for sighting in seen if sighting.status == "failed"]
            found.extend(failed[:1])
        return found


def _judge_answer(history: History, docket: Docket, report: Call) -> None:
    if report.is_ok:
        return
    # Whose certificate has no name is refused at the door, whatever is asked.
    is_nameless = history.header.identity == "mtls" and not report.identity
    if is_nameless and report.code == "UNAUTHENTICATED":
        return
    docket.broken(
        f"the failure report of {report.actor} on {text(report.request, 'experiment')[:60]!r} was"
        f" answered {report.code} {when(report)} instead of OK: {report.details!r}",
        report,
    )


def _judge_effect(docket: Docket, record: _Record, failure: CertainFailure) -> None:
    """After a participant's report nobody may see the experiment go on."""
    report, submission, kept_by = failure
    for sighting in record.sightings.get((submission.owner, submission.name), ()):
        call = sighting.call
        if call.invoke_index < report.ended_index or call.invoked_at < kept_by:
            continue
        if record.experiments.only_candidate(sighting.name, sighting.call) != submission:
            return
        if record.history.spans_a_restart(report.invoke_index, sighting.call.ended_index):
            return
        docket.occasion()
        if sighting.status in {"pending", "in_progress"}:
            docket.broken(
                f"{text(report.request, 'name')} reported {when(report)} that experiment"
                f" {submission.name!r} failed, but it was still {sighting.status}"
                f" {when(sighting.call)}",
                report,
                sighting.call,
            )
        return


def _judge_cause(docket: Docket, record: _Record, sighting: Sighting) -> None:
    """What failed with nobody but strangers saying so was failed by them."""
    submission = record.experiments.only_candidate(sighting.name, sighting.call)
    if submission is None:
        return
    reports = [
        report
        for report in record.reports.get(sighting.name, ())
        if submission.call.invoke_index < report.ended_index
        and report.invoke_index < sighting.call.ended_index
    ]
    strangers = [report for report in reports if _is_strange(record.history, report, submission)]
    if not strangers:
        return
    docket.occasion()
    if len(strangers) == len(reports) and not _may_fail_by_itself(record, sighting, submission):
        docket.broken(
            f"experiment {sighting.name!r} was failed {when(sighting.call)}, though only"
            f" {_named(strangers)}, who took no part in it, had reported a failure",
            *strangers[:3],
            sighting.call,
        )


def _is_strange(history: History, report: Call, submission: Submission) -> bool:
    name = text(report.request, "name")
    return not submission.has(name) or is_impostor(history, report)


def _may_fail_by_itself(record: _Record, sighting: Sighting, submission: Submission) -> bool:
    """Whether the record holds another reason: a bad upload, or trouble with who took part."""
    history = record.history
    if what_is_wrong(submission.call) is not None:
        return True
    assert sighting.call.completed_at is not None
    begin, end = submission.call.invoked_at, sighting.call.completed_at
    if history.spans_a_restart(submission.call.invoke_index, sighting.call.ended_index):
        return True
    peace, alive = Peace.of(history), lives(history)
    return not all(
        lived_through(alive.get(name, ()), begin, end) and peace.is_undisturbed(name, begin, end)
        for name in submission.collaborators
    )


def _named(reports: Sequence[Call]) -> str:
    return ", ".join(dict.fromkeys(report.actor for report in reports))
