"""Whether an experiment that was to end did, and whom it waits for where it did not."""

from collections.abc import Sequence

from simulator.checkers.base import Docket, at
from simulator.checkers.liveness_facts import Span
from simulator.checkers.liveness_stories import Story
from simulator.history.calls import Call
from simulator.history.fields import text
from simulator.history.history import History

# A training that takes long is quiet; four heartbeats without any sign of work are not.
_STILL_PERIODS = 4
_STILL_AT_LEAST_S = 10.0
_MOST_NAMES = 3
_WORK = ("GetExperimentData", "GetTasks", "GetAggregatedTensor", "SendLocalTaskResults")


def judge_end(
    history: History, docket: Docket, story: Story, window: Span, because: str = ""
) -> None:
    """Write down whether an experiment that was to end did; `because` says what else is known."""
    docket.occasion()
    if story.ended is not None:
        return
    last = story.last_reading
    told = "nobody read its status"
    if last is not None:
        told = f"its owner last read {last.status!r} {at(last.time)}"
    evidence: list[Call | int] = [story.accepted]
    evidence += [] if last is None else [last.index]
    busy = _busy_elsewhere(history, story, window.end - _quiet_s(history))
    if still_moves(history, story, window.end):
        docket.unsure(
            f"{story.name} had not ended when the run was over, but last got further"
            f" {at(story.moved_at)}: a longer recovery would tell; {told}{because}",
            *evidence,
        )
    elif busy is not None:
        docket.unsure(
            f"{story.name} had not ended when the run was over, while {busy.actor} still worked on"
            f" {text(busy.request, 'experiment')}: a longer recovery would tell; {told}{because}",
            *evidence,
            busy,
        )
    elif last is None or last.time < (window.begin + window.end) / 2:
        docket.unsure(
            f"whether {story.name} ended is not known: {told}, too early to tell{because}",
            *evidence,
        )
    else:
        waits, calls = _held_up_by(history, story)
        docket.broken(
            f"{story.name} had not ended {at(window.end)}, after"
            f" {window.end - window.begin:.0f} s without faults: {told}, and nothing got further"
            f" since {story.moved_at:.1f} s{waits}{because}",
            *evidence,
            *calls,
        )


def still_moves(history: History, story: Story, end: float) -> bool:
    """Whether an experiment got further so shortly before the end that it may be about to end."""
    return story.is_training or end - story.moved_at < _quiet_s(history)


def _quiet_s(history: History) -> float:
    return max(_STILL_PERIODS * history.header.heartbeat_period_s, _STILL_AT_LEAST_S)


def _busy_elsewhere(history: History, story: Story, since: float) -> Call | None:
    """Return a result that a collaborator sent for another experiment: it does one at a time."""
    for name in story.collaborators:
        for result in reversed(history.calls("SendLocalTaskResults", name)):
            if result.invoked_at < since:
                break
            if result.is_ok and text(result.request, "experiment") != story.name:
                return result
    return None


def _held_up_by(history: History, story: Story) -> tuple[str, Sequence[Call]]:
    """Tell whose results are missing, as far as that can be told apart."""
    counts = {name: story.results.get(name, 0) for name in story.collaborators}
    fewest = min(counts.values(), default=0)
    behind = [name for name, count in counts.items() if count == fewest]
    if not behind or len(behind) == len(counts) > 1:
        return "", ()
    names = ", ".join(behind[:_MOST_NAMES])
    others = f" and {len(behind) - _MOST_NAMES} more" if len(behind) > _MOST_NAMES else ""
    last = _last_work(history, story, behind[0])
    if last is None:
        return f"; it waits for {names}{others}, and {behind[0]} never asked for it", ()
    answer = "OK" if last.is_ok else last.code or "nothing"
    did = f"{last.topic} {at(last.invoked_at)}, answered {answer}"
    return f"; it waits for {names}{others}; the last of {behind[0]} for it: {did}", (last,)


def _last_work(history: History, story: Story, envoy: str) -> Call | None:
    """Return the last call that a collaborator made for an experiment."""
    made = [
        call
        for topic in _WORK
        for call in history.calls(topic, envoy)
        if text(call.request, "experiment") == story.name
        and call.invoke_index > story.accepted.invoke_index
    ]
    return max(made, key=lambda call: call.invoke_index, default=None)
