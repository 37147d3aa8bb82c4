"""Trained models, held against what collaborators sent and what they were given to go on from."""

from collections.abc import Sequence

from simulator.checkers.base import Checker, Docket, when
from simulator.checkers.experiments import Experiments, owner_of
from simulator.checkers.models import Model, Models
from simulator.checkers.runs import Run, Runs
from simulator.checkers.tensors import digest, model_of
from simulator.history.calls import NEVER, Call
from simulator.history.fields import table, text, texts, whole
from simulator.history.history import History


class ModelsAreWhatWasLearnt(Checker):
    """A trained model is the mean of what was sent, and for everybody the same."""

    guarantee = "model"
    promise = (
        "GetTrainedModel returns bit for bit what the aggregation produced; empty before the first"
        " round; best is best."
    )

    def examine(self, history: History, docket: Docket) -> None:
        experiments = Experiments(history)
        runs = Runs(history, experiments)
        models = {run.submission.call.number: Models(run) for run in runs}
        for each in models.values():
            _judge_inputs(docket, each)
        begun = _begun(history)
        for call in history.calls("GetTrainedModel"):
            name = text(call.request, "experiment")
            submission = experiments.only_candidate(name, call)
            if not call.is_ok or submission is None or owner_of(call) != submission.owner:
                continue
            docket.occasion()
            known = models.get(submission.call.number)
            if known is not None:
                _judge_model(docket, call, known)
            elif begun.get(name, NEVER) > call.ended_index and table(call.response, "tensors"):
                docket.broken(f"{_what(call)} was not empty, though no round had begun", call)


def _begun(history: History) -> dict[str, int]:
    """Return, by experiment, where the first result was sent."""
    found: dict[str, int] = {}
    for call in history.calls("SendLocalTaskResults"):
        found.setdefault(text(call.request, "experiment"), call.invoke_index)
    return found


# ---------------------------------------------------------------- what collaborators were given


def _judge_inputs(docket: Docket, models: Models) -> None:
    """Every collaborator gets the same model, which is the mean of what was sent before.

    Whoever asks for the model of a round that is over may be given a later one that says so.
    """
    for call in models.run.tensors:
        if not _is_plain(call):
            continue
        docket.occasion()
        asked, number = whole(call.request, "round"), whole(call.response, "round")
        name, tensor = text(call.request, "tensor"), table(call.response, "tensor")
        what = (
            f"tensor {name!r} for round {asked} of {models.run.submission.name!r}, which"
            f" {text(call.request, 'name')} got {when(call)},"
        )
        if not asked <= number <= max(asked, models.run.may_have_closed_before(call.ended_index)):
            fault = "was over" if number < asked else "cannot have begun"
            docket.broken(f"{what} is of round {number}, which {fault}", call)
            continue
        known = models.exact.get((number, name))
        if known is not None and known[0] != digest(tensor):
            source = "the uploaded one" if number == 0 else f"what {known[1].actor} got"
            docket.broken(f"{what} is not {source} {when(known[1])}", known[1], call)
        elif known is None and models.contradicts_results(number, name, tensor):
            docket.broken(
                f"{what} is not the weighted mean of what was sent in round {number - 1}",
                *_sources(models.run, number - 1),
                call,
            )
        models.learn(number, name, tensor, call)


def _is_plain(call: Call) -> bool:
    """Whether a tensor is a model's own, neither a difference nor a lossy picture of it."""
    asked, given = texts(call.request, "tags"), texts(call.response, "tags")
    return "model" in asked and "delta" not in asked and "lossy_compressed" not in given


def _sources(run: Run, round_number: int) -> Sequence[Call]:
    return [calls[0] for calls in run.results.get(round_number, {}).values()][:3]


# ---------------------------------------------------------------- what owners were given


def _judge_model(docket: Docket, call: Call, models: Models) -> None:
    run, model = models.run, model_of(call.response, "tensors")
    closed = run.closed_before(call.invoke_index)
    may_be_closed = max(closed, run.may_have_closed_before(call.ended_index))
    if not model:
        if closed:
            docket.broken(f"{_what(call)} was empty, though round {closed - 1} had closed", call)
        return
    if not may_be_closed:
        docket.broken(f"{_what(call)} was not empty, though no round can have closed", call)
        return
    rounds = range(max(closed, 1), may_be_closed + 1)
    if text(call.request, "kind") == "last":
        _judge_last(docket, call, models, rounds, model)
    else:
        _judge_best(docket, call, models, rounds, model)


def _judge_last(docket: Docket, call: Call, models: Models, rounds: range, model: Model) -> None:
    if all(models.refutes(number, model) for number in rounds):
        docket.broken(
            f"{_what(call)} is not what {_counted(rounds)} made of what was sent",
            *_sources(models.run, rounds[-1] - 1),
            call,
        )
    elif len(rounds) == 1:
        for name, tensor in model.items():
            models.learn(rounds[0], name, tensor, call)


def _judge_best(docket: Docket, call: Call, models: Models, rounds: range, model: Model) -> None:
    candidates: dict[int, None] = {}
    for number in rounds:
        best = models.best_of(number)
        if best is None:
            return
        candidates.update(dict.fromkeys(best))
    if all(models.refutes(number, model) for number in candidates):
        went_in = " or ".join(str(number) for number in candidates)
        docket.broken(
            f"{_what(call)} is not the model that went into round {went_in}, which scored best in"
            f" {_counted(rounds)}",
            *_sources(models.run, rounds[-1] - 1),
            call,
        )


def _counted(rounds: range) -> str:
    first, last = rounds[0], rounds[-1]
    count = str(first) if first == last else f"{first} to {last}"
    return f"{count} round{'' if last == 1 else 's'}"


def _what(call: Call) -> str:
    return (
        f"the {text(call.request, 'kind')} model of {text(call.request, 'experiment')!r} that"
        f" {call.actor} got {when(call)}"
    )
