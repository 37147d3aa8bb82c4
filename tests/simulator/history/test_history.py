"""Reading a record: calls, notes, actors, phases, windows, epochs, and typed fields."""

import pytest

from simulator.history.calls import NEVER, Call, Epoch
from simulator.history.entry import Entry, Header, JsonObject, Kind
from simulator.history.fields import (
    RecordError,
    flag,
    items,
    number,
    table,
    tables,
    text,
    texts,
    whole,
)
from simulator.history.history import History
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


def recorder() -> HistoryRecorder:
    return HistoryRecorder(lambda: 0.0)


def test_a_call_pairs_request_and_answer() -> None:
    record = recorder()
    first = record.invoke("a", "GetEnvoys", {"as": "a"})
    second = record.invoke("b", "GetEnvoys", {"as": "b"})
    record.complete(second, "fail", {"code": "NOT_FOUND", "details": "no"})
    record.complete(first, "ok", {"envoys": []})

    a, b = record.finish(HEADER).calls("GetEnvoys")

    assert (a.identity, a.is_ok, a.code, a.evidence) == ("a", True, "", (0, 3))
    assert (b.identity, b.kind, b.code, b.details) == ("b", Kind.FAIL, "NOT_FOUND", "no")
    assert not b.may_have_happened


def test_what_was_never_completed_may_happen_at_any_time() -> None:
    record = recorder()
    record.invoke("a", "RemoveExperimentData", {"experiment": "x"})

    (call,) = record.finish(HEADER).calls("RemoveExperimentData", "a")

    assert call.kind is Kind.INFO
    assert (call.completed_at, call.complete_index, call.settled_index) == (None, None, NEVER)
    assert call.may_have_happened
    assert (call.code, call.details) == ("", "")


def test_a_doubled_call_may_take_effect_after_its_answer() -> None:
    record = recorder()
    call = record.invoke("a", "RemoveExperimentData", {"experiment": "x"})
    touch: JsonObject = {
        "fault": "twice",
        "type": "message.duplicate",
        "method": "RemoveExperimentData",
        "direction": "request",
        "mode": "duplicate",
    }
    record.note("fault.touch", touch, actor="a", call=call)
    record.complete(call, "fail", {"code": "NOT_FOUND", "details": "no"})

    doubled = record.finish(HEADER).call(call)

    assert doubled.touches[0].fault == "twice"
    assert doubled.may_have_happened
    assert doubled.settled_index == NEVER


def touched(mode: str, direction: str, type_: str = "rpc", topic: str = "GetEnvoys") -> Call:
    record = recorder()
    call = record.invoke("a", topic, {})
    touch: JsonObject = {"fault": "f", "type": type_, "direction": direction, "mode": mode}
    record.note("fault.touch", touch, actor="a", call=call)
    record.complete(call, "info", {"code": "UNAVAILABLE", "details": ""})
    return record.finish(HEADER).call(call)


@pytest.mark.parametrize("mode", ["drop", "loss"])
def test_a_request_that_a_fault_swallowed_has_not_happened(mode: str) -> None:
    assert not touched(mode, "request").may_have_happened
    assert touched(mode, "response").may_have_happened
    assert touched("delay", "request").may_have_happened


@pytest.mark.parametrize("mode", ["drop", "loss", "delay"])
def test_what_was_answered_had_happened_though_the_answer_was_lost(mode: str) -> None:
    assert touched(mode, "response").settled_index == 1
    assert touched("delay", "request").settled_index == NEVER


def test_a_stream_goes_on_without_a_chunk_that_was_left_out() -> None:
    assert touched("drop", "request", "stream.corrupt", "SendLocalTaskResults").may_have_happened


def test_a_call_precedes_another_only_if_it_can_no_longer_take_effect() -> None:
    record = recorder()
    sure = record.invoke("a", "GetEnvoys", {})
    record.complete(sure, "ok", {})
    unsure = record.invoke("a", "GetEnvoys", {})
    record.complete(unsure, "info", {"code": "UNAVAILABLE", "details": ""})
    later = record.invoke("a", "GetEnvoys", {})

    history = record.finish(HEADER)

    assert history.call(sure).precedes(history.call(later))
    assert not history.call(unsure).precedes(history.call(later))


def test_actors_are_introduced_by_their_first_start() -> None:
    record = recorder()
    about: JsonObject = {"kind": "envoy", "identity": "env-1", "group": "hospital", "labels": {}}
    record.note("actor.start", about, actor="env-1")
    record.note("actor.kill", {}, actor="env-1")
    record.note("actor.start", about, actor="env-1")

    actors = record.finish(HEADER).actors

    assert list(actors) == ["env-1"]
    assert (actors["env-1"].group, actors["env-1"].start_index) == ("hospital", 0)


def test_phases_and_fault_windows_pair_their_notes_in_order() -> None:
    record = recorder()
    record.note("phase", {"name": "calm", "state": "begin"})
    fault: JsonObject = {"fault": "f", "type": "link.cut", "targets": ["env-1"]}
    record.note("fault.open", fault)
    record.note("fault.close", fault)
    record.note("phase", {"name": "calm", "state": "end"})
    record.note("fault.open", fault)
    record.note("phase", {"name": "done", "state": "begin"})

    history = record.finish(HEADER)

    assert [(p.name, p.begin_index, p.end_index) for p in history.phases] == [
        ("calm", 0, 3),
        ("done", 5, NEVER),
    ]
    assert [(w.open_index, w.close_index, w.targets) for w in history.fault_windows] == [
        (1, 2, ("env-1",)),
        (4, NEVER, ("env-1",)),
    ]
    assert history.fault_windows[1].closed_at is None


def test_an_epoch_counts_connections_accepted_registrations_and_lives() -> None:
    record = recorder()
    for accepted in (True, False):
        call = record.invoke("e", "UpdateShardInfo", {"as": "e", "connection": 1})
        record.complete(call, "ok", {"accepted": accepted})
    before = record.invoke("e", "WaitExperiment", {"as": "e", "connection": 1})
    record.note("director.kill", {})
    record.note("director.start", {})
    after = record.invoke("e", "WaitExperiment", {"as": "e", "connection": 2})

    history = record.finish(HEADER)

    assert history.epoch(history.call(before)) == Epoch(connection=1, registration=1, life=0)
    assert history.epoch(history.call(after)) == Epoch(connection=2, registration=1, life=2)
    assert history.spans_a_restart(before, NEVER)
    assert not history.spans_a_restart(0, 3)


def test_the_first_start_is_no_restart() -> None:
    record = recorder()
    record.note("director.start", {})
    call = record.invoke("e", "WaitExperiment", {"as": "e", "connection": 1})

    history = record.finish(HEADER)

    assert history.life(call) == 0
    assert history.life_indexes == []


def entry(index: int, kind: Kind, call: int = 0, time: float = 0.0) -> Entry:
    return Entry(index=index, time=time, kind=kind, actor="a", topic="t", call=call, value={})


@pytest.mark.parametrize(
    "entries",
    [
        [entry(1, Kind.INVOKE)],
        [entry(0, Kind.OK)],
        [entry(0, Kind.INVOKE), entry(1, Kind.INVOKE)],
        [entry(0, Kind.INVOKE), entry(1, Kind.OK), entry(2, Kind.FAIL)],
        [entry(0, Kind.INVOKE, time=2.0), entry(1, Kind.OK, time=1.0)],
    ],
)
def test_a_record_that_contradicts_itself_is_refused(entries: list[Entry]) -> None:
    with pytest.raises(RecordError):
        History(HEADER, entries)


def test_fields_are_read_as_what_they_are() -> None:
    value: JsonObject = {
        "name": "x",
        "n": 2,
        "share": 0.5,
        "on": True,
        "many": ["a", "b"],
        "inner": {"k": 1},
        "rows": [{"k": 1}],
    }

    assert text(value, "name") == "x"
    assert (number(value, "n"), number(value, "share"), whole(value, "n")) == (2, 0.5, 2)
    assert flag(value, "on")
    assert (items(value, "many"), texts(value, "many")) == (["a", "b"], ("a", "b"))
    assert (table(value, "inner"), tables(value, "rows")) == ({"k": 1}, ({"k": 1},))


def test_a_missing_field_has_its_default_or_is_an_error() -> None:
    assert text({}, "name", "") == ""
    assert not flag({}, "on", default=False)
    with pytest.raises(RecordError, match=r"'name' is missing; there are \['other'\]"):
        text({"other": 1}, "name")


@pytest.mark.parametrize(
    "read",
    [
        lambda: text({"f": 1}, "f"),
        lambda: text({"f": None}, "f", ""),
        lambda: number({"f": True}, "f"),
        lambda: whole({"f": 1.0}, "f"),
        lambda: flag({"f": 0}, "f"),
        lambda: items({"f": "abc"}, "f"),
        lambda: table({"f": []}, "f"),
        lambda: texts({"f": [1]}, "f"),
        lambda: tables({"f": [1]}, "f"),
    ],
)
def test_a_field_of_another_type_is_an_error(read: object) -> None:
    assert callable(read)
    with pytest.raises(RecordError, match="'f' is to be"):
        read()
