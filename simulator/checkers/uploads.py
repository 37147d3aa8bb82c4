"""Uploads that must be refused, and what they leave behind."""

from collections.abc import Iterator
from dataclasses import dataclass

from simulator.checkers.answers import is_answered
from simulator.checkers.archives import differences, is_download
from simulator.checkers.base import Checker, Docket, when
from simulator.checkers.experiments import Experiments, sightings
from simulator.checkers.found import is_shared
from simulator.checkers.liveness_facts import Peace
from simulator.history.calls import NEVER, Call, Touch
from simulator.history.entry import Kind
from simulator.history.fields import flag, text, whole
from simulator.history.history import History

REFUSALS = frozenset(
    {
        "INVALID_ARGUMENT",
        "ALREADY_EXISTS",  # the name was looked at first
        "RESOURCE_EXHAUSTED",  # a limit was reached first, such as by a bomb
        "PERMISSION_DENIED",  # the caller was looked at first
        "UNAUTHENTICATED",
    }
)
"""How a bad upload may be refused: INVALID_ARGUMENT, where nothing else was found before."""

MAY_BE_HARMLESS = frozenset({"bits", "duplicate"})
"""Corruptions after which an archive may still say what was meant, where they hit padding."""

NOTICE_S = 5.0
"""How long a Director may take to notice that the client of an upload is gone."""

BLOBS_EACH = 5
"""What an experiment needs at most: its archive, three models, and what an optimiser remembers."""


def what_is_wrong(call: Call) -> str | None:
    """Return why an upload must not be accepted; None where it was whole and arrived so."""
    intent = text(call.request, "intent", "whole")
    if intent != "whole":
        return intent.replace("_", " ")
    for touch in call.touches:
        if touch.direction == "request" and _spoils(touch):
            is_corrupt = touch.type == "stream.corrupt"
            return f"corrupted on its way ({touch.mode})" if is_corrupt else "cut off on its way"
    return None


def may_be_harmless(call: Call) -> bool:
    """Whether what is wrong, if anything is, may have left the archive as it was meant."""
    return text(call.request, "intent", "whole") == "whole" and all(
        touch.type == "stream.corrupt" and touch.mode in MAY_BE_HARMLESS
        for touch in call.touches
        if touch.direction == "request" and _spoils(touch)
    )


def _spoils(touch: Touch) -> bool:
    return touch.type == "stream.corrupt" or touch.swallows


@dataclass(frozen=True, slots=True)
class _Trace:
    """An operation that shows that an experiment is there."""

    call: Call
    name: str


def _traces(history: History) -> Iterator[_Trace]:
    for sighting in sightings(history):
        if sighting.status:
            yield _Trace(sighting.call, sighting.name)
    for call in history.calls("WaitExperiment"):
        if call.is_ok and text(call.response, "experiment"):
            yield _Trace(call, text(call.response, "experiment"))
    for call in history.calls("GetExperimentData"):
        if call.is_ok and whole(call.response, "chunks"):
            yield _Trace(call, text(call.request, "experiment"))


class BadUploadsAreRefused(Checker):
    """What does not arrive whole is not accepted, and is told so."""

    guarantee = "no-bad-accept"
    promise = (
        "An upload that is cut, corrupted, reordered, empty, inconsistent or no readable archive"
        " with a plan is refused with INVALID_ARGUMENT."
    )

    def examine(self, history: History, docket: Docket) -> None:
        bad: dict[str, tuple[Call, str]] = {}
        good: dict[str, int] = {}
        for call in history.calls("SetNewExperiment"):
            name, wrong = text(call.request, "experiment"), what_is_wrong(call)
            if wrong is not None:
                docket.occasion()
                _judge_answer(docket, call, wrong)
                if call.kind is Kind.INFO and not may_be_harmless(call):
                    bad.setdefault(name, (call, wrong))
            if call.may_have_happened and (wrong is None or call.is_ok or may_be_harmless(call)):
                good.setdefault(name, call.invoke_index)
        _judge_traces(history, docket, bad, good)
        _judge_downloads(history, docket)


def _judge_answer(docket: Docket, call: Call, wrong: str) -> None:
    name = text(call.request, "experiment")
    what = f"the upload of {name[:60]!r} by {call.actor}, {wrong},"
    if call.is_ok:
        if not flag(call.response, "accepted"):
            docket.broken(f"{what} was answered accepted=false {when(call)}, not refused", call)
        elif not may_be_harmless(call):
            docket.broken(f"{what} was accepted {when(call)}", call)
    elif is_answered(call) and call.code not in REFUSALS:
        docket.broken(
            f"{what} was answered {call.code} {when(call)} instead of INVALID_ARGUMENT:"
            f" {call.details!r}",
            call,
        )


def _judge_traces(
    history: History, docket: Docket, bad: dict[str, tuple[Call, str]], good: dict[str, int]
) -> None:
    """What was never uploaded whole must not be there, whatever the upload was answered."""
    for trace in _traces(history):
        if trace.name not in bad:
            continue
        upload, wrong = bad[trace.name]
        is_earlier = trace.call.ended_index < upload.invoke_index
        if not is_earlier and good.get(trace.name, NEVER) > trace.call.ended_index:
            del bad[trace.name]
            docket.broken(
                f"the upload of {trace.name[:60]!r} by {upload.actor}, {wrong}, became an"
                f" experiment: {trace.call.actor} met it {when(trace.call)}",
                upload,
                trace.call,
            )


def _judge_downloads(history: History, docket: Docket) -> None:
    """Flipped bits may have hit nothing; what is downloaded tells."""
    experiments = Experiments(history)
    for call in history.calls("GetExperimentData"):
        if not is_download(call):
            continue
        candidates = experiments.candidates(text(call.request, "experiment"), call)
        if not any(what_is_wrong(candidate.call) for candidate in candidates):
            continue
        found = [differences(candidate.call.request, call.response) for candidate in candidates]
        if all(found):
            upload = candidates[-1].call
            docket.broken(
                f"the upload of {candidates[-1].name[:60]!r} by {upload.actor},"
                f" {what_is_wrong(upload) or 'whole'}, became an experiment: what"
                f" {text(call.request, 'name')} downloaded {when(call)} is not what was meant,"
                f" {found[-1][0]}",
                upload,
                call,
            )


class RefusedUploadsLeaveNothing(Checker):
    """After a refusal everything is as it was before."""

    guarantee = "no-residue"
    promise = (
        "A refused, aborted or cancelled upload leaves no file, no task, no registry entry and no"
        " claimed name."
    )

    def examine(self, history: History, docket: Docket) -> None:
        experiments = Experiments(history)
        refused: dict[str, Call] = {}
        uploads: dict[str, list[Call]] = {}
        for call in history.calls("SetNewExperiment"):
            name = text(call.request, "experiment")
            uploads.setdefault(name, []).append(call)
            if call.kind is Kind.FAIL or (not call.is_ok and what_is_wrong(call) is not None):
                docket.occasion()
            if call.kind is Kind.FAIL and not call.is_doubled:
                refused.setdefault(name, call)
        _judge_entries(history, docket, experiments, refused)
        peace = Peace.of(history)
        for namesakes in uploads.values():
            _judge_claims(history, docket, peace, experiments, namesakes)
        if docket.occasions:
            _judge_probe(history, docket, experiments)


def _judge_entries(
    history: History, docket: Docket, experiments: Experiments, refused: dict[str, Call]
) -> None:
    for trace in _traces(history):
        upload = refused.get(trace.name)
        if upload is None or trace.call.invoke_index < upload.ended_index:
            continue
        if not any(
            other.call.invoke_index < trace.call.ended_index
            for other in experiments.submissions(trace.name)
        ):
            del refused[trace.name]
            docket.broken(
                f"the upload of {trace.name[:60]!r} by {upload.actor} was refused {when(upload)},"
                f" but {trace.call.actor} met the experiment {when(trace.call)}",
                upload,
                trace.call,
            )


def _judge_claims(
    history: History,
    docket: Docket,
    peace: Peace,
    experiments: Experiments,
    namesakes: list[Call],
) -> None:
    """A name may only be said to be in use where somebody has it, or just uploads it."""
    for upload in namesakes:
        if upload.code != "ALREADY_EXISTS":
            continue
        name = text(upload.request, "experiment")
        held = any(
            holder.is_certain or may_be_harmless(holder.call)
            for holder in experiments.candidates(name, upload)
        )
        others = [other for other in namesakes if other.number != upload.number]
        if held or any(_is_in_the_way(history, peace, other, upload) for other in others):
            continue
        if is_shared(history):
            docket.unsure(
                f"{upload.actor} was told {when(upload)} that the name {name[:60]!r} is in use;"
                " whether somebody outside this run has it cannot be told",
                upload,
            )
            continue
        earlier = [other for other in others if other.invoke_index < upload.invoke_index]
        docket.broken(
            f"{upload.actor} was told {when(upload)} that the name {name[:60]!r} is in use, though"
            f" nobody has it{'' if not earlier else ': only a refused upload used it before'}",
            *earlier[-1:],
            upload,
        )


def _is_in_the_way(history: History, peace: Peace, other: Call, upload: Call) -> bool:
    """Whether another upload of the name was still under way at the Director."""
    if other.invoke_index > upload.ended_index:
        return False
    if other.completed_at is None or other.ended_index > upload.invoke_index:
        return True
    if other.kind is not Kind.INFO:
        return False
    healed_at = peace.disturbed_until(other.actor, other.invoked_at, other.completed_at)
    noticed_at = max(other.completed_at, healed_at or 0.0) + history.header.transit_s + NOTICE_S
    return upload.invoked_at < noticed_at


def _judge_probe(history: History, docket: Docket, experiments: Experiments) -> None:
    probes = {text(note.value, "at"): note for note in history.notes("probe")}
    end = probes.get("end")
    if end is None:
        return
    calm = probes.get("calm")
    before = 0 if calm is None else whole(calm.value, "temporary", 0)
    temporary = whole(end.value, "temporary", 0)
    if temporary > before:
        docket.broken(
            f"{temporary} temporary files are left at the end; there were {before} in the calm",
            *([] if calm is None else [calm]),
            end,
        )
    held = sum(
        submission.gone_index == NEVER
        and (submission.is_certain or may_be_harmless(submission.call))
        for submission in experiments.all_submissions()
    )
    archives = whole(end.value, "archives", 0)
    if archives > BLOBS_EACH * held:
        docket.broken(
            f"{archives} archives and models are left at the end, though there can be no more than"
            f" {held} experiments, of {BLOBS_EACH} each",
            end,
        )
