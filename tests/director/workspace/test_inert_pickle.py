"""Pickles are described and never obeyed."""

import pickle
import pickletools
import sys
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from director.errors import DirectorError, InvalidArchiveError, LimitExceededError
from director.workspace.inert_pickle import Call, Description, Pairs, Symbol, describe
from tests.director.workspace.archives import PLAN, reading, with_plan

NO_TASKS = PLAN[: PLAN.index("tasks:")]
MEMBERS = ("task_assigner_obj.pkl", "aggregation_function_obj.pkl")


def described(pickled: bytes, *, max_steps: int = 100_000) -> Description:
    return describe(pickled, max_steps=max_steps)


class Singer:
    """Sings when it is unpickled."""

    def __init__(self, song: Callable[..., object], *lines: object) -> None:
        self.song = song
        self.lines = lines

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.song, self.lines


def sing(path: str) -> None:
    """Leave a trace of having been called."""
    Path(path).write_text("la")


# ---------------------------------------------------------------- the canary


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("member", MEMBERS)
def test_code_in_a_workspace_never_runs(protocol: int, member: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    evil = pickle.dumps(Singer(sing, str(canary)), protocol)
    others = dict.fromkeys(MEMBERS, evil)

    with pytest.raises(InvalidArchiveError):
        reading(with_plan(NO_TASKS, **others | {member: evil}))
    assert not canary.exists()

    pickle.loads(evil)  # noqa: S301  (that the canary can sing at all)
    assert canary.exists()


@pytest.mark.parametrize(
    "evil",
    [
        pytest.param(b"cantigravity\ngeohash\n.", id="global"),
        pytest.param(b"(iantigravity\ngeohash\n.", id="inst"),
        pytest.param(b"\x80\x04\x8c\x0bantigravity\x8c\x07geohash\x93.", id="stack global"),
    ],
)
def test_nothing_is_imported(evil: bytes) -> None:
    described(evil)

    assert "antigravity" not in sys.modules


# ---------------------------------------------------------------- what a description tells


@pytest.mark.parametrize("protocol", range(3, pickle.HIGHEST_PROTOCOL + 1))
def test_values_come_out_as_they_are(protocol: int) -> None:
    value = [1, -(2**70), 1.5, "text", b"bytes", None, True, False, (), (1,), (1, 2), (1, 2, 3, 4)]

    assert described(pickle.dumps(value, protocol)).result == value


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_dictionary_keeps_its_named_entries(protocol: int) -> None:
    result = described(pickle.dumps({"a": 1, 2: 3, "b": [4]}, protocol)).result

    assert isinstance(result, Pairs)
    assert result.named() == {"a": 1, "b": [4]}
    assert (2, 3) in result.items


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_an_object_is_what_would_be_called_and_what_it_would_be_given(protocol: int) -> None:
    result = described(pickle.dumps(timedelta(7), protocol)).result

    assert isinstance(result, Call)
    assert result.function == Symbol("datetime", "timedelta")
    assert result.arguments == (7, 0, 0)


@pytest.mark.parametrize(
    ("pickled", "arguments"),
    [
        pytest.param(b"(cm\nC\nK\x01K\x02o.", (1, 2), id="obj"),
        pytest.param(b"(K\x01K\x02im\nC\n.", (1, 2), id="inst"),
        pytest.param(b"cm\nC\nK\x01\x85N\x92.", ((1,), None), id="newobj with keywords"),
    ],
)
def test_rare_ways_to_make_an_object_are_told(
    pickled: bytes, arguments: tuple[object, ...]
) -> None:
    result = described(pickled).result

    assert isinstance(result, Call)
    assert (result.function, result.arguments) == (Symbol("m", "C"), arguments)


def test_a_state_for_what_was_not_made_here_is_passed_over() -> None:
    assert described(b"cm\nC\nNb.").result == Symbol("m", "C")


def test_what_is_put_into_an_object_is_told() -> None:
    table = described(pickle.dumps(defaultdict(list, a=1))).result
    ordered = described(pickle.dumps(OrderedDict(b=2))).result

    assert isinstance(table, Call)
    assert table.function == Symbol("collections", "defaultdict")
    assert table.entries.named() == {"a": 1}
    assert isinstance(ordered, Call)
    assert ordered.entries.named() == {"b": 2}


def test_attributes_are_told() -> None:
    singer = Singer(print)
    state = pickle.dumps(singer.__dict__)
    pickled = b"\x80\x04\x8c\x01m\x8c\x01C\x93)\x81" + state[2:-1] + b"b."

    result = described(pickled).result

    assert isinstance(result, Call)
    assert result.attributes()["lines"] == ()


def test_a_set_is_described_without_being_hashed() -> None:
    assert described(pickle.dumps({3})).result == [3]
    assert described(pickle.dumps(frozenset({3}))).result == [3]


def test_what_refers_to_itself_is_described() -> None:
    ring: list[object] = []
    ring.append(ring)

    result = described(pickle.dumps(ring)).result

    assert isinstance(result, list)
    assert result[0] is result


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x80\x04", id="no end"),
        pytest.param(b".", id="nothing on the stack"),
        pytest.param(b"NN.", id="two results"),
        pytest.param(b"(.", id="a mark for a result"),
        pytest.param(b"R.", id="a call of nothing"),
        pytest.param(b"\x94.", id="remembering nothing"),
        pytest.param(b"h\x07.", id="what was never remembered"),
        pytest.param(b"t.", id="no mark"),
        pytest.param(b"](Nu.", id="half a pair"),
        pytest.param(b"NNNs.", id="an entry of no dictionary"),
        pytest.param(b"NNa.", id="a member of no list"),
        pytest.param(b"NN\x93.", id="a name that is no text"),
        pytest.param(b"Pid\n.", id="a persistent id"),
        pytest.param(b"\x82\x01.", id="an extension"),
        pytest.param(b"\x97.", id="a buffer from elsewhere"),
        pytest.param(b"\xff.", id="no opcode"),
        pytest.param(b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.", id="a text of eight exabytes"),
        pytest.param(b"I" + b"9" * 5000 + b"\n.", id="an endless number"),
    ],
)
def test_a_damaged_pickle_is_refused(damaged: bytes) -> None:
    with pytest.raises(InvalidArchiveError, match="pickle"):
        described(damaged)


def test_an_endless_pickle_is_refused() -> None:
    with pytest.raises(LimitExceededError, match="over 10 steps"):
        described(b"N0" * 10 + b"N.", max_steps=10)


def test_a_pickle_as_deep_as_it_is_long_is_described() -> None:
    depth = 90_000

    assert isinstance(described(b")" + b"\x85" * depth + b".").result, tuple)


def test_memory_is_not_taken_on_a_pickles_word() -> None:
    # In CPython's own unpickler, this makes room for two billion memories.
    assert described(b"Nr\xff\xff\xff\x7f.").result is None


@given(st.lists(st.sampled_from([op.code for op in pickletools.opcodes]), max_size=30))
def test_any_order_of_opcodes_is_described_or_refused(codes: list[str]) -> None:
    pickled = "".join(codes).encode("latin-1") + b"."

    try:
        described(pickled)
    except DirectorError as refusal:
        assert "pickle" in str(refusal)  # noqa: PT017  (that nothing else is raised is the point)


@given(st.binary(max_size=60))
def test_any_bytes_are_described_or_refused(pickled: bytes) -> None:
    try:
        described(pickled)
    except DirectorError as refusal:
        assert "pickle" in str(refusal)  # noqa: PT017  (that nothing else is raised is the point)
