"""Members that must not be in an archive, and archives that are too much."""

import stat
import struct
import zipfile
import zlib
from dataclasses import replace

import pytest

from director.errors import InvalidArchiveError, LimitExceededError
from tests.director.workspace.archives import LIMITS, PLAN, packed, reading, with_plan, zipped


def named(name: str, *, mode: int = 0) -> bytes:
    member = zipfile.ZipInfo("placeholder")
    member.external_attr = mode << 16
    archive = zipped(lambda target: target.writestr(member, "content"))
    # zipfile cleans names on their way in, so the hostile one is put there afterwards.
    hostile = name.encode()
    grown = len(hostile) - len("placeholder")
    assert grown <= 0
    return archive.replace(b"placeholder", hostile.ljust(len("placeholder"), b"x"))


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
