"""A history as a file: canonical, exact, and honest about damage."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from simulator.history.codec import DamagedHistoryError, dump, lines, load
from simulator.history.entry import Entry, Header, Json, Kind
from simulator.history.history import History

HEADER = Header(
    scenario="flaky",
    seed=42,
    case={"identity": "mtls", "loss": 0.1},
    world="virtual",
    identity="mtls",
    epoch=1.7e9,
    heartbeat_period_s=10.0,
    transit_s=0.5,
    sample_shape=("32", "32"),
    target_shape=("10",),
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=10,
)


def note(value: dict[str, Json], time: float = 0.0, actor: str = "a") -> Entry:
    return Entry(index=0, time=time, kind=Kind.NOTE, actor=actor, topic="t", call=-1, value=value)


@given(
    value=st.dictionaries(st.text(st.characters()), json_values),
    time=st.floats(min_value=0, max_value=1e9),
    actor=st.text(st.characters()),
)
def test_what_is_written_is_read_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, value: dict[str, Json], time: float, actor: str
) -> None:
    path = tmp_path_factory.mktemp("codec") / "history.jsonl"
    history = History(HEADER, [note(value, time, actor)])

    dump(history, path)
    again = load(path)

    assert again.header == history.header
    assert again.entries == history.entries
    assert list(lines(again)) == list(lines(history))


def test_the_form_is_canonical_and_for_people() -> None:
    history = History(HEADER, [note({"b": 1.0, "a": [1, "ü"]}, time=3)])

    header, line = lines(history)

    assert header.startswith(
        '{"case":{"identity":"mtls","loss":0.1},"dead_after_s":0.0,"entries":1,"epoch":1700000000'
    )
    assert line == (
        '{"index":0,"time":3.0,"kind":"note","actor":"a","topic":"t","call":-1,'
        '"value":{"a":[1,"\\u00fc"],"b":1.0}}'
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_json_is_refused_and_named(value: float) -> None:
    history = History(HEADER, [note({"loss": value})])

    with pytest.raises(ValueError, match=r"entry 0 \(t\) is not JSON"):
        list(lines(history))


def written(path: Path) -> Path:
    value: dict[str, Json] = {"x": "y"}
    entries = [
        Entry(index=i, time=i, kind=Kind.NOTE, actor="a", topic="t", call=-1, value=value)
        for i in range(3)
    ]
    dump(History(HEADER, entries), path / "history.jsonl")
    return path / "history.jsonl"


def damaged(path: Path, before: bytes, after: bytes) -> Path:
    file = written(path)
    whole = file.read_bytes()
    assert before in whole
    file.write_bytes(whole.replace(before, after, 1))
    return file


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (b'{"index":1', b"garbage", ":3: no entry"),
        (b'{"index":1', b'{"index":7', ":3: no entry: entry 1 is expected here, but this is 7"),
        (b'"kind":"note"', b'"kind":"rumour"', ":2: no entry"),
        (b'"time":2.0', b'"time":NaN', ":4: no entry: NaN is no JSON number"),
        (b'"time":2.0', b'"time":0.5', "out of order"),
        (b'"topic":"t"', b'"topic":"\xff"', ":2: no entry"),
        (b'"value":{"x":"y"}', b'"value":[]', ":2: no entry: 'value' is to be an object"),
        (b'"version":1', b'"version":2', ":1: no header of a history: it has version 2"),
        (b'"seed":42,', b"", ":1: no header of a history: 'seed' is missing"),
    ],
)
def test_damage_is_named_with_its_line(
    tmp_path: Path, before: bytes, after: bytes, message: str
) -> None:
    file = damaged(tmp_path, before, after)

    with pytest.raises(DamagedHistoryError) as refused:
        load(file)

    assert message in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_file_that_was_cut_short_is_noticed(tmp_path: Path) -> None:
    file = written(tmp_path)
    whole = file.read_bytes().splitlines(keepends=True)

    file.write_bytes(b"".join(whole[:-1]))
    with pytest.raises(DamagedHistoryError, match=":4: 3 entries were written, but 2 are here"):
        load(file)

    file.write_bytes(b"".join(whole)[:-5])
    with pytest.raises(DamagedHistoryError, match=":4: no entry: the line is cut off"):
        load(file)

    file.write_bytes(b"")
    with pytest.raises(DamagedHistoryError, match=r":1: .*the file is empty"):
        load(file)
