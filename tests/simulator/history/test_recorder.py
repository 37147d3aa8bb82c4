"""The recorder: what is written down, when, and who is told."""

from collections.abc import Callable

import pytest

from simulator.history.entry import Header, JsonObject, Kind
from simulator.history.recorder import HistoryRecorder

HEADER = Header(
    scenario="s",
    seed=1,
    case={},
    world="virtual",
    identity="plaintext",
    epoch=0.0,
    heartbeat_period_s=10.0,
    transit_s=1.0,
    sample_shape=("1",),
    target_shape=("1",),
)


class Clock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def test_an_operation_has_two_entries_with_their_times_and_one_number() -> None:
    clock = Clock()
    recorder = HistoryRecorder(clock)

    call = recorder.invoke("env-1", "WaitExperiment", {"as": "env-1", "name": "env-1"})
    clock.time = 2.5
    recorder.complete(call, "ok", {"experiment": ""})
    history = recorder.finish(HEADER)

    assert [(e.index, e.time, e.kind, e.actor, e.topic, e.call) for e in history.entries] == [
        (0, 0.0, Kind.INVOKE, "env-1", "WaitExperiment", 0),
        (1, 2.5, Kind.OK, "env-1", "WaitExperiment", 0),
    ]


def test_listeners_hear_every_note_after_it_was_written_until_they_stop() -> None:
    recorder = HistoryRecorder(Clock())
    heard: list[tuple[str, str, JsonObject]] = []
    stop = recorder.on_note(lambda actor, topic, value: heard.append((actor, topic, value)))

    recorder.note("envoy.registered", {}, actor="env-1")
    stop()
    stop()
    recorder.note("envoy.registered", {}, actor="env-2")

    assert heard == [("env-1", "envoy.registered", {})]


def test_a_listener_may_note_something_itself_and_stop_listening_meanwhile() -> None:
    recorder = HistoryRecorder(Clock())
    stops: list[Callable[[], None]] = []

    def answer(_actor: str, topic: str, _value: JsonObject) -> None:
        if topic == "download.chunk":
            stops[0]()
            recorder.note("fault.open", {"fault": "f", "type": "t", "targets": []})

    stops.append(recorder.on_note(answer))
    recorder.note("download.chunk", {"nth": 2}, actor="env-1")

    history = recorder.finish(HEADER)
    assert [entry.topic for entry in history.entries] == ["download.chunk", "fault.open"]


def test_an_operation_ends_once() -> None:
    recorder = HistoryRecorder(Clock())
    call = recorder.invoke("env-1", "GetEnvoys", {})

    recorder.complete(call, "ok", {"envoys": []})

    with pytest.raises(ValueError, match="call 0 is not open"):
        recorder.complete(call, "fail", {})


def test_an_operation_cannot_end_as_a_note() -> None:
    recorder = HistoryRecorder(Clock())
    call = recorder.invoke("env-1", "GetEnvoys", {})

    with pytest.raises(ValueError, match="cannot end as 'note'"):
        recorder.complete(call, "note", {})


def test_finishing_takes_a_copy_and_leaves_open_what_is_open() -> None:
    recorder = HistoryRecorder(Clock())
    call = recorder.invoke("env-1", "WaitExperiment", {})

    history = recorder.finish(HEADER)
    recorder.complete(call, "ok", {"experiment": ""})

    assert history.call(call).completed_at is None
    assert (recorder.calls, recorder.open_calls) == (1, 0)


def test_a_recorder_and_a_history_tell_how_much_they_hold() -> None:
    recorder = HistoryRecorder(Clock())
    recorder.invoke("env-1", "WaitExperiment", {})

    assert repr(recorder) == "<HistoryRecorder: 1 entries, 1 calls open>"
    assert repr(recorder.finish(HEADER)) == "<History of s: 1 entries>"
