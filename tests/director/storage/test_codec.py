"""Whatever can be remembered comes back as it was, from this version and from earlier ones."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from director.core.events import Durable, ShardReported
from director.core.snapshots import Snapshot
from director.storage import DamagedStateError, NewerStateError
from director.storage.codec import VERSION, Codec, Encoded, layout
from director.storage.pieces import JsonObject
from director.storage.ports import Record
from tests.director.storage.records import EVENTS, SNAPSHOT, written_by

FIXTURES = Path(__file__).parent / "fixtures"
KINDS: tuple[type[Record], ...] = (*get_args(Durable), Snapshot)

# The core's mappings are dictionaries, whatever else Hypothesis might think of.
st.register_type_strategy(Mapping, lambda kind: st.dictionaries(*map(st.from_type, get_args(kind))))
records = st.one_of(*(st.from_type(kind) for kind in KINDS))


@settings(max_examples=300)
@given(records)
def test_whatever_is_stored_comes_back_as_it_was(record: Record) -> None:
    codec = Codec()

    stored = codec.encode(record)
    again = codec.decode(stored)

    assert codec.encode(again) == stored
    assert again == record or "nan" in repr(record)  # NaN is equal to itself only as text
    assert stored.version == VERSION
    assert b"\n" not in stored.body
    assert stored.body.isascii()


def test_there_is_an_example_of_every_kind_of_record() -> None:
    assert {type(record) for record in [*EVENTS, SNAPSHOT]} == set(KINDS)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"shard":{"envoy":3}}', b"\xff"])
def test_what_is_not_a_record_is_damaged(body: bytes) -> None:
    with pytest.raises(DamagedStateError, match="ShardReported"):
        Codec().decode(Encoded(version=VERSION, kind="ShardReported", body=body))


def test_an_unknown_kind_is_damaged() -> None:
    with pytest.raises(DamagedStateError, match="no event of the kind 'Earthquake'"):
        Codec().decode(Encoded(version=VERSION, kind="Earthquake", body=b"{}"))


def test_a_later_version_is_refused_with_what_to_do() -> None:
    stored = Encoded(version=VERSION + 1, kind="ShardReported", body=b"{}")

    with pytest.raises(NewerStateError) as refused:
        Codec().decode(stored)

    assert f"layout {VERSION + 1}; this one knows layouts up to {VERSION}" in str(refused.value)
    assert "restore a backup" in str(refused.value)


# ---------------------------------------------------------------- earlier versions


def stored_by(version: int) -> list[Encoded]:
    """What that version wrote, kept for ever: it has to be read by every later one."""
    lines = (FIXTURES / f"journal-{version}.jsonl").read_text(encoding="ascii").splitlines()
    rows = [json.loads(line) for line in lines]
    return [
        Encoded(version=version, kind=row["kind"], body=json.dumps(row["body"]).encode())
        for row in rows
    ]


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_what_any_version_wrote_is_read(version: int) -> None:
    codec = Codec()
    snapshot, events = written_by(version)

    read = [codec.decode(stored) for stored in stored_by(version)]

    assert read == [*events, snapshot]


def test_an_upgrade_makes_old_json_new_one_step_at_a_time() -> None:
    steps: list[int] = []

    def rename(kind: str, content: JsonObject) -> JsonObject:
        steps.append(1)
        if kind == "ShardReported":
            content["shard"]["envoy"] = content["shard"].pop("name")
        return content

    def describe(kind: str, content: JsonObject) -> JsonObject:
        steps.append(2)
        if kind == "ShardReported":
            content["shard"]["description"] = f"was {content['shard'].pop('about')}"
        return content

    codec = Codec(version=3, upgrades={1: rename, 2: describe})
    old = {"shard": {"name": "a", "about": "scans"}}

    record = codec.decode(Encoded(version=1, kind="ShardReported", body=json.dumps(old).encode()))

    assert isinstance(record, ShardReported)
    assert (record.shard.envoy, record.shard.description) == ("a", "was scans")
    assert steps == [1, 2]


def test_the_layout_is_the_one_of_its_version() -> None:
    """A change of the core's values that changes what is stored needs a new version."""
    path = FIXTURES / f"layout-{VERSION}.json"

    kept: Any = json.loads(path.read_text(encoding="ascii"))

    assert json.loads(json.dumps(layout())) == kept, (
        f"what is stored has changed: raise VERSION in director/storage/codec.py, write an upgrade"
        f" from {VERSION}, and run python -m tests.director.storage.fixtures.write"
    )
