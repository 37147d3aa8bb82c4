"""Archives that are not what they claim to be, or hold what must not be in one."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from director.errors import DirectorError, InvalidArchiveError, LimitExceededError
from director.workspace import ArchiveLimits
from tests.director.workspace.archives import LIMITS, PLAN, fixture, packed, reading, with_plan

GOOD = packed(
    {"plan/plan.yaml": PLAN, "code/model.py": "x = 1\n" * 50, "weights.bin": bytes(range(256)) * 4}
)
STORED = packed(
    {"plan/plan.yaml": PLAN, "weights.bin": bytes(range(256))}, method=zipfile.ZIP_STORED
)


def zipped(fill: Callable[[zipfile.ZipFile], object], *, seekable: bool = True) -> bytes:
    """Return an archive with a plan, and whatever else is put into it."""
    target = io.BytesIO() if seekable else Unseekable()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("plan/plan.yaml", PLAN)
        fill(archive)
    return target.getvalue()


class Unseekable(io.BytesIO):
    """A pipe, into which zipfile writes sizes after the contents."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError

    def tell(self) -> int:
        raise OSError


def named(name: str, *, mode: int = 0) -> bytes:
    member = zipfile.ZipInfo("placeholder")
    member.external_attr = mode << 16
    archive = zipped(lambda target: target.writestr(member, "content"))
    # zipfile cleans names on their way in, so the hostile one is put there afterwards.
    hostile = name.encode()
    grown = len(hostile) - len("placeholder")
    assert grown <= 0
    return archive.replace(b"placeholder", hostile.ljust(len("placeholder"), b"x"))


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


# ---------------------------------------------------------------- members that must not be there


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../../evil", id="above"),
        pytest.param("a/../../e", id="above, in the middle"),
        pytest.param("/etc/passwd", id="absolute"),
        pytest.param("C:/windows", id="on a drive"),
        pytest.param("a\\..\\evil", id="backslashes"),
        pytest.param("a//evil", id="an empty folder name"),
        pytest.param("./evil", id="a dot"),
        pytest.param("evil\x07bell", id="a control character"),
        pytest.param("evil\x00null", id="a null"),
    ],
)
def test_a_path_that_is_not_plain_is_refused(name: str) -> None:
    with pytest.raises(InvalidArchiveError, match="not a plain relative path"):
        reading(named(name))


@pytest.mark.parametrize("name", ["x" * 256, "/".join(["folder"] * 200)])
def test_a_name_that_no_file_system_takes_is_refused(name: str) -> None:
    with pytest.raises(InvalidArchiveError, match="too long"):
        reading(with_plan(**{name: ""}))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_a_link_or_device_is_refused(kind: int) -> None:
    with pytest.raises(InvalidArchiveError, match="link or a device"):
        reading(named("placeholder", mode=kind | 0o777))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["plan/plan.yaml", "a/b"])
def test_a_name_that_is_there_twice_is_refused(name: str) -> None:
    def twice(archive: zipfile.ZipFile) -> None:
        archive.writestr("a/b", "first")
        archive.writestr(name, "second")

    with pytest.raises(InvalidArchiveError, match="twice"):
        reading(zipped(twice))


@pytest.mark.parametrize("file", ["plan", "code"])
def test_a_file_that_is_a_folder_too_is_refused(file: str) -> None:
    with pytest.raises(InvalidArchiveError, match="both a file and a folder"):
        reading(with_plan(**{file: "x", "code/x.py": "x", "code!": "sorts between them"}))


def test_a_name_that_is_not_text_is_refused() -> None:
    archive = with_plan(é="x").replace("é".encode(), b"\xff\xfe")

    with pytest.raises(InvalidArchiveError, match="not valid text"):
        reading(archive)


def test_a_second_name_in_an_extra_field_is_refused() -> None:
    member = zipfile.ZipInfo("harmless")
    other = struct.pack("<BL", 1, zlib.crc32(b"harmless")) + b"plan/plan.yaml"
    member.extra = struct.pack("<2H", 0x7075, len(other)) + other

    with pytest.raises(InvalidArchiveError, match="two different names"):
        reading(zipped(lambda archive: archive.writestr(member, "x")))


@pytest.mark.parametrize("extra", [b"\x01", b"\x75\x70\x09\x00\x01", b"\x01\x00\x00\x00" * 2])
def test_a_broken_extra_field_is_refused(extra: bytes) -> None:
    member = zipfile.ZipInfo("a")
    member.extra = extra

    with pytest.raises(InvalidArchiveError, match="extra field"):
        reading(zipped(lambda archive: archive.writestr(member, "x")))


def test_an_encrypted_member_is_refused() -> None:
    archive = bytearray(packed({"plan/plan.yaml": PLAN}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        archive[archive.index(mark) + at] |= 1

    with pytest.raises(InvalidArchiveError, match="encrypted"):
        reading(bytes(archive))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_unusual_compression_is_refused(method: int) -> None:
    with pytest.raises(InvalidArchiveError, match=f"method {method}"):
        reading(zipped(lambda archive: archive.writestr("a", "b", compress_type=method)))


# ---------------------------------------------------------------- archives that are too much


def test_too_many_members_are_refused() -> None:
    with pytest.raises(LimitExceededError, match="3 members: 2 are allowed"):
        reading(with_plan(a="", b=""), replace(LIMITS, max_members=2))


def test_too_many_bytes_are_refused_before_they_are_unpacked() -> None:
    with pytest.raises(LimitExceededError, match="unpacks to"):
        reading(with_plan(a=b"\0" * 2000), replace(LIMITS, max_uncompressed_bytes=1000))


def test_a_bomb_is_refused_by_its_ratio() -> None:
    bomb = with_plan(bomb=b"\0" * 20 * 2**20)

    with pytest.raises(LimitExceededError, match="200 times its size"):
        reading(bomb)


def test_a_bomb_that_lies_about_its_size_bursts_in_slices() -> None:
    archive = bytearray(with_plan(bomb=b"\0" * 20 * 2**20))
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        header = archive.rindex(mark)
        struct.pack_into("<L", archive, header + at, 1000)

    with pytest.raises(InvalidArchiveError, match="'bomb' is damaged"):
        reading(bytes(archive))


def test_a_small_file_of_zeros_is_no_bomb() -> None:
    assert reading(with_plan(zeros=b"\0" * 2**20)).plan_text == PLAN


def test_a_large_plan_is_refused() -> None:
    with pytest.raises(LimitExceededError, match=r"plan/plan\.yaml has \d+ bytes"):
        reading(with_plan(PLAN + "#" * 300_000))


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
