"""Archives that are whole, damaged, or not what they claim to be."""

import io
import struct
import zipfile

import pytest
from hypothesis import given, strategies as st

from director.errors import DirectorError, InvalidArchiveError
from director.workspace import ArchiveLimits
from tests.director.workspace.archives import PLAN, fixture, packed, reading, with_plan, zipped

GOOD = packed(
    {"plan/plan.yaml": PLAN, "code/model.py": "x = 1\n" * 50, "weights.bin": bytes(range(256)) * 4}
)
STORED = packed(
    {"plan/plan.yaml": PLAN, "weights.bin": bytes(range(256))}, method=zipfile.ZIP_STORED
)


def contents(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        return {name: members.read(name) for name in members.namelist()}


# ---------------------------------------------------------------- good ones


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(with_plan(), id="the smallest"),
        pytest.param(GOOD, id="deflated"),
        pytest.param(STORED, id="stored"),
        pytest.param(packed({"plan/plan.yaml": PLAN}, comment=b"by hand"), id="with a comment"),
        pytest.param(zipped(lambda z: z.writestr("a", "b"), seekable=False), id="from a pipe"),
        pytest.param(zipped(lambda z: z.mkdir("empty")), id="with an empty folder"),
        pytest.param(with_plan(**{"données/modèle.py": "x = 1"}), id="names beyond ASCII"),
        pytest.param(with_plan(**{"2024-01-01T12:00.log": ""}), id="a colon in a name"),
    ],
)
def test_a_whole_archive_is_read(archive: bytes) -> None:
    assert reading(archive).plan.rounds == 3


def test_sizes_in_zip64_fields_are_read() -> None:
    target = io.BytesIO()
    with (
        zipfile.ZipFile(target, "w") as archive,
        archive.open("plan/plan.yaml", "w", force_zip64=True) as member,
    ):
        member.write(PLAN.encode())

    assert reading(target.getvalue()).plan_text == PLAN


def test_a_zip64_end_is_read() -> None:
    plain = with_plan()
    end = plain.rindex(b"PK\x05\x06")
    _, _, _, _, count, length, start, _ = struct.unpack("<4s4H2LH", plain[end:])
    wide = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, start
    ) + struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)

    assert reading(plain[:end] + wide + plain[end:]).plan_text == PLAN

    damaged = wide.replace(struct.pack("<Q", start), struct.pack("<Q", start + 1))
    with pytest.raises(InvalidArchiveError):
        reading(plain[:end] + damaged + plain[end:])


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize("archive", [GOOD, STORED, fixture("openfl_workspace")])
@given(data=st.data())
def test_a_flipped_bit_never_changes_what_is_read(archive: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, 8 * len(archive) - 1))
    flipped = bytearray(archive)
    flipped[at // 8] ^= 1 << at % 8

    try:
        reading(bytes(flipped))
    except InvalidArchiveError:
        return

    assert contents(bytes(flipped)) == contents(archive)


def test_a_flipped_bit_in_any_content_is_found() -> None:
    with zipfile.ZipFile(io.BytesIO(STORED)) as archive:
        member = archive.getinfo("weights.bin")
    content = member.header_offset + 30 + len(member.filename)

    for at in range(8 * member.file_size):
        flipped = bytearray(STORED)
        flipped[content + at // 8] ^= 1 << at % 8
        with pytest.raises(InvalidArchiveError, match=r"weights\.bin"):
            reading(bytes(flipped))


def test_an_archive_that_was_cut_anywhere_is_refused() -> None:
    for length in range(len(GOOD)):
        with pytest.raises(InvalidArchiveError):
            reading(GOOD[:length])


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"PK\x05\x06", id="only a mark"),
        pytest.param(b"\0" * 100_000, id="zeros"),
        pytest.param(b"junk" + GOOD, id="bytes before"),
        pytest.param(GOOD + b"junk", id="bytes after"),
        pytest.param(GOOD + GOOD, id="two archives"),
        pytest.param(GOOD[: len(GOOD) // 2] + GOOD[len(GOOD) // 2 + 1 :], id="a byte lost"),
        pytest.param(
            GOOD.replace(b"PK\x01\x02", b"hiddenPK\x01\x02", 1), id="bytes before the directory"
        ),
        pytest.param(packed({"a": "b"}), id="no plan"),
        pytest.param(packed({"plan/plan.yaml/": ""}), id="a folder for a plan"),
        pytest.param(packed({}), id="no members"),
    ],
)
def test_what_is_not_one_whole_archive_with_a_plan_is_refused(archive: bytes) -> None:
    with pytest.raises(InvalidArchiveError):
        reading(archive)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", b"plan/plan.yamX"), ("flags", 0x0800), ("method", 8), ("crc", 1), ("size", 1)],
)
def test_a_local_header_that_says_something_else_is_refused(field: str, value: bytes | int) -> None:
    archive = bytearray(packed({"plan/plan.yaml": PLAN}, method=zipfile.ZIP_STORED))
    offsets = {"name": ("14s", 30), "flags": ("<H", 6), "method": ("<H", 8)}
    form, at = offsets.get(field, ("<L", {"crc": 14, "size": 22}.get(field, 0)))

    struct.pack_into(form, archive, at, value)

    with pytest.raises(InvalidArchiveError, match=r"two different things of 'plan/plan\.yaml'"):
        reading(bytes(archive))


def test_members_that_overlap_are_refused() -> None:
    archive = bytearray(packed({"plan/plan.yaml": PLAN, "a": "b"}, method=zipfile.ZIP_STORED))
    second = archive.index(b"PK\x01\x02", archive.index(b"PK\x01\x02") + 1)

    struct.pack_into("<L", archive, second + 42, 0)

    with pytest.raises(InvalidArchiveError, match="gaps or overlaps"):
        reading(bytes(archive))


# ---------------------------------------------------------------- anything at all


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(DirectorError):
        reading(content)


@given(
    st.lists(
        st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8)), max_size=4
    ),
    st.tuples(st.integers(0, len(GOOD)), st.integers(0, len(GOOD))),
)
def test_a_mutated_archive_is_read_or_refused(
    patches: list[tuple[int, bytes]], swapped: tuple[int, int]
) -> None:
    archive = bytearray(GOOD)
    for at, patch in patches:
        archive[at : at + len(patch)] = patch
    first, second = sorted(swapped)

    for mutant in (bytes(archive), bytes(archive[first:second] + archive[:first])):
        try:
            reading(mutant, ArchiveLimits(max_uncompressed_bytes=2**20))
        except DirectorError as refusal:
            assert str(refusal)  # noqa: PT017  (that nothing else is raised is the point)
