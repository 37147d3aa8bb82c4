"""Archives whose records lie, alone or in agreement: read as everybody reads them, or refused."""

import io
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import event, given, strategies as st

from director.errors import DirectorError
from director.workspace import ArchiveLimits, rewrite_workspace
from tests.director.workspace.archives import PLAN, fixture, packed, reading

Draw = Callable[[st.SearchStrategy[Any]], Any]

LIMITS = ArchiveLimits(max_uncompressed_bytes=2**22)


class Field(NamedTuple):
    """A number in a record."""

    name: str
    at: int
    form: str


_LOCAL = "needs:H flags:H method:H time:H date:H crc:L packed:L size:L name:H extra:H"
_CENTRAL = f"made:H {_LOCAL} comment:H disk:H inner:H outer:L offset:L"
_END = "disk:H first:H here:H count:H length:L start:L comment:H"
_RECORDS = {b"PK\x03\x04": _LOCAL, b"PK\x01\x02": _CENTRAL, b"PK\x05\x06": _END}


def fields(archive: bytes) -> Iterator[Field]:
    """Yield every number of every record."""
    for mark, shape in _RECORDS.items():
        at = archive.find(mark)
        while at >= 0:
            end = at + len(mark)
            for part in shape.split():
                name, form = part.split(":")
                yield Field(name, end, f"<{form}")
                end += struct.calcsize(f"<{form}")
            at = archive.find(mark, end)


class Unseekable(io.BytesIO):
    """A pipe: zipfile writes sizes after the contents."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError


def piped() -> bytes:
    target = Unseekable()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("plan/plan.yaml", PLAN)
        archive.writestr("code.py", "x = 1\n" * 9)
    return target.getvalue()


def wide() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in ("plan/plan.yaml", "code.py"):
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(PLAN.encode())
    return target.getvalue()


MEMBERS = {
    "plan/plan.yaml": PLAN,
    "code/model.py": "x = 1\n" * 9,
    "empty": "",
    "w.bin": "\xff" * 99,
}
BASES = {
    "stored": packed(MEMBERS, method=zipfile.ZIP_STORED),
    "deflated": packed(MEMBERS, comment=b"by hand"),
    "from a pipe": piped(),
    "zip64": wide(),
    "of OpenFL": fixture("openfl_workspace"),
}


@st.composite
def lying(draw: Draw, archive: bytes) -> bytes:
    """The archive with a few numbers changed, or a number of one name in all records alike."""
    content = bytearray(archive)
    known = list(fields(archive))
    for _ in range(draw(st.integers(1, 4))):
        chosen = draw(st.sampled_from(known))
        in_agreement = draw(st.booleans())
        for field in known if in_agreement else [chosen]:
            if field.name == chosen.name:
                _lie(draw, content, field, chosen)
    return bytes(content)


def _lie(draw: Draw, content: bytearray, field: Field, chosen: Field) -> None:
    (true,) = struct.unpack_from(field.form, content, field.at)
    most = 2 ** (8 * struct.calcsize(field.form)) - 1
    near = st.sampled_from((true ^ 1, true + 1, true - 1, 0, most)).map(lambda value: value & most)
    value = draw(near | st.integers(0, most)) if field == chosen else true ^ 1
    struct.pack_into(field.form, content, field.at, value)


@pytest.mark.parametrize("base", BASES)
@given(data=st.data())
def test_records_that_lie_change_nothing_that_anybody_reads(base: str, data: st.DataObject) -> None:
    mutant = data.draw(lying(BASES[base]))

    try:
        workspace = reading(mutant, LIMITS)
    except DirectorError:
        event("refused")
        return

    event("read")
    # What others take of it is whole, and the same plan.
    with zipfile.ZipFile(io.BytesIO(mutant)) as members:
        assert members.testzip() is None
        assert members.read("plan/plan.yaml").decode() == workspace.plan_text
        before = {name: members.read(name) for name in members.namelist()}
    target = io.BytesIO()
    rewrite_workspace(io.BytesIO(mutant), target, agg_addr="director", agg_port=1, hash_salt="salt")
    with zipfile.ZipFile(target) as members:
        assert members.testzip() is None
        after = {name: members.read(name) for name in members.namelist()}
    assert {**after, "plan/plan.yaml": b""} == {**before, "plan/plan.yaml": b""}


# ---------------------------------------------------------------- what an envoy unpacks

names = st.text("ab.-é /\\:~\x00\n", min_size=1, max_size=8) | st.sampled_from(
    ["plan", "plan/", "plan/plan.yaml/x", "../plan/plan.yaml", "PLAN/plan.yaml", "a", "a/", "a/b"]
)
modes = st.sampled_from([0, 0o100644, 0o120777]) | st.integers(0, 2**16 - 1)
wild = st.lists(st.tuples(names, st.binary(max_size=20), modes), max_size=4)
tame = st.lists(
    st.tuples(st.text("abé/", min_size=1, max_size=4), st.binary(max_size=20), st.just(0)),
    max_size=4,
    unique_by=lambda member: member[0],
)


@given(tame | wild)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_was_accepted_unpacks_to_the_files_that_it_names_and_nowhere_else(
    others: list[tuple[str, bytes, int]],
) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("plan/plan.yaml", PLAN)
        for name, content, mode in others:
            member = zipfile.ZipInfo("x")
            # zipfile cleans names on their way in, but not afterwards.
            member.filename = name
            member.external_attr = mode << 16
            archive.writestr(member, content)

    try:
        reading(target.getvalue(), LIMITS)
    except DirectorError:
        event("refused")
        return

    event("read")
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(target) as archive:
        inside = Path(folder) / "inside"
        archive.extractall(inside)
        assert [path.name for path in Path(folder).iterdir()] == ["inside"]
        unpacked = {
            path.relative_to(inside).as_posix(): path.read_bytes()
            for path in inside.rglob("*")
            if path.is_file()
        }
        assert not any(path.is_symlink() for path in inside.rglob("*"))
        assert unpacked == {
            info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()
        }
