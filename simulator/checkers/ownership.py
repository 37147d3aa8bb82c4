"""Who does not own an experiment learns nothing of it, not even whether it is there."""

from dataclasses import dataclass, field

from simulator.checkers.answers import is_answered
from simulator.checkers.base import Checker, Docket, when
from simulator.checkers.experiments import Experiments, Submission, owner_of
from simulator.history.calls import Call
from simulator.history.fields import flag, items, table, tables, text
from simulator.history.history import History

PRIVATE = (
    "GetExperimentStatus",
    "GetExperimentDescription",
    "GetTrainedModel",
    "GetMetricStream",
    "RemoveExperimentData",
)
"""What only an owner may ask of an experiment."""


@dataclass(slots=True)
class _Faces:
    """How a stranger's questions of one kind were answered."""

    absent: dict[str, Call] = field(default_factory=dict)
    """About what was not there at all: each answer, with its first call."""
    foreign: dict[str, Call] = field(default_factory=dict)
    """About what was somebody else's."""


class StrangersLearnNothing(Checker):
    """An experiment is its owner's business."""

    guarantee = "ownership"
    promise = (
        "Who does not own an experiment learns nothing of it and changes nothing, and cannot tell"
        " absent from not-yours."
    )

    def examine(self, history: History, docket: Docket) -> None:
        experiments = Experiments(history)
        for topic in PRIVATE:
            # Compared for each stranger alone: who has no name at all is told something else.
            faces: dict[str, _Faces] = {}
            for call in history.calls(topic):
                name, caller = text(call.request, "experiment"), owner_of(call)
                found = experiments.candidates(name, call)
                if _is_among(caller, found):
                    continue
                _judge_answer(docket, call, found)
                if is_answered(call):
                    docket.occasion()
                    _sort(faces.setdefault(caller, _Faces()), call, found)
            for each in faces.values():
                _compare(docket, topic, each)
        _judge_lists(history, docket, experiments)


def _sort(faces: _Faces, call: Call, found: list[Submission]) -> None:
    if not found:
        faces.absent.setdefault(_face(call), call)
    elif any(submission.exists_throughout(call) for submission in found):
        faces.foreign.setdefault(_face(call), call)


def _judge_answer(docket: Docket, call: Call, found: list[Submission]) -> None:
    learnt = _learnt(call)
    if learnt:
        owner = found[0].owner if found else ""
        docket.broken(
            f"{call.actor} {learnt} {text(call.request, 'experiment')[:60]!r} {when(call)}, which"
            f" is {f'that of {owner}' if owner else 'not theirs'}",
            *(submission.call for submission in found[:1]),
            call,
        )


def _learnt(call: Call) -> str:
    """Return what a stranger got out of a call; "" where it was nothing."""
    response = call.response
    if call.topic == "GetMetricStream":
        # Also what came before a stream broke was learnt.
        is_told = "metrics" in response and bool(items(response, "metrics"))
        return "was sent metrics of" if is_told else ""
    if not call.is_ok:
        return ""
    match call.topic:
        case "GetTrainedModel":
            return "was given a model of" if table(response, "tensors") else ""
        case "RemoveExperimentData":
            return "was told to have removed" if flag(response, "acknowledged") else ""
        case _:
            status = text(response, "status")
            return f"was told the status ({status}) of" if status else ""


def _face(call: Call) -> str:
    """Return an answer without the names in it that the caller gave."""
    if call.is_ok:
        return "OK"
    details = call.details
    for name, stands_for in (
        (text(call.request, "experiment"), "<experiment>"),
        (call.identity, "<caller>"),
    ):
        if name:
            details = details.replace(name, stands_for)
    return f"{call.code}: {details}"


def _compare(docket: Docket, topic: str, faces: _Faces) -> None:
    for face, foreign in faces.foreign.items():
        if face in faces.absent:
            continue
        if faces.absent:
            other, absent = next(iter(faces.absent.items()))
            docket.broken(
                f"{topic} tells strangers what exists: {foreign.actor} got {face!r}"
                f" {when(foreign)} for an experiment of somebody else, but {absent.actor} got"
                f" {other!r} {when(absent)} for one that was not there",
                absent,
                foreign,
            )
        elif face != "OK" and foreign.code != "NOT_FOUND":
            docket.unsure(
                f"{topic} answered {face!r} to {foreign.actor} {when(foreign)} about an experiment"
                " of somebody else; nobody asked for one that was not there, so that nobody knows"
                " whether the answers differ",
                foreign,
            )


def _judge_lists(history: History, docket: Docket, experiments: Experiments) -> None:
    for call in history.calls("GetExperimentsList"):
        if call.is_ok:
            docket.occasion()
            for item in tables(call.response, "experiments"):
                found = experiments.candidates(text(item, "name"), call)
                if found and not _is_among(owner_of(call), found):
                    _tell(docket, call, found[0], "its list of experiments")
    for call in history.calls("GetEnvoys"):
        if call.is_ok:
            docket.occasion()
            _judge_envoys(docket, experiments, call)


def _judge_envoys(docket: Docket, experiments: Experiments, call: Call) -> None:
    """The listing of envoys is for everybody; what they work on is not."""
    caller = owner_of(call)
    for item in tables(call.response, "envoys"):
        name = text(item, "experiment")
        found = experiments.candidates(name, call) if name else []
        takes_part = any(submission.has(caller) for submission in found)
        if found and not takes_part and not _is_among(caller, found):
            _tell(docket, call, found[0], f"the listing of envoys, at {text(item, 'name')}")
            return


def _is_among(caller: str, found: list[Submission]) -> bool:
    return any(submission.owner == caller for submission in found)


def _tell(docket: Docket, call: Call, submission: Submission, where: str) -> None:
    docket.broken(
        f"{call.actor} found experiment {submission.name[:60]!r} of"
        f" {submission.owner or 'nobody'} in {where}, {when(call)}",
        submission.call,
        call,
    )
