"""Which members an archive may have: plain files and folders, below the folder it is unpacked in.

Nobody unpacks an archive here, but every collaborator will.
"""

import re
import stat
import unicodedata
from itertools import pairwise

from director.errors import InvalidArchiveError, LimitExceededError
from director.workspace.limits import ArchiveLimits
from director.workspace.zip_content import is_readable
from director.workspace.zip_format import Entry, extra_fields
from director.workspace.zip_layout import shown

_UTF8 = 0x0800
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_PATCH = 0x0020
_UNICODE_PATH = 0x7075
_DRIVE = re.compile(r"[A-Za-z]:")
_MAX_NAME_BYTES = 1024
_MAX_SEGMENT_BYTES = 255
"""What file systems take."""
_HARMLESS_BYTES = 16 * 2**20
"""Below this, no ratio of compression can hurt."""


def check_members(entries: tuple[Entry, ...], limits: ArchiveLimits) -> dict[str, int]:
    """Return where each file (folders are not counted) stands among the entries, by name.

    Raises:
        InvalidArchiveError: a member must not be there; the message names it.
        LimitExceededError: unpacked, the archive is too large.
    """
    _check_sizes(entries, limits)
    files: dict[str, int] = {}
    paths: set[str] = set()
    for index, entry in enumerate(entries):
        name = _name(entry)
        path = name.removesuffix("/")
        _check_kind(entry, is_folder=name != path)
        _check_path(entry, path)
        if path in paths:
            raise InvalidArchiveError(f"{shown(entry)} is twice in the archive")
        paths.add(path)
        if name == path:
            files[path] = index
    _check_tree(paths, files)
    return files


def _check_tree(paths: set[str], files: dict[str, int]) -> None:
    # With the slash, whatever lies below a path comes directly after it in the order.
    for path, following in pairwise(sorted(f"{path}/" for path in paths)):
        if path.removesuffix("/") in files and following.startswith(path):
            raise InvalidArchiveError(f"{path[:-1]!r} is both a file and a folder in the archive")


def _check_sizes(entries: tuple[Entry, ...], limits: ArchiveLimits) -> None:
    total = sum(entry.size_bytes for entry in entries)
    if total > limits.max_uncompressed_bytes:
        raise LimitExceededError(
            f"the archive unpacks to {total} bytes: {limits.max_uncompressed_bytes} are allowed"
        )
    compressed = sum(entry.compressed_bytes for entry in entries)
    if total > _HARMLESS_BYTES and total > limits.max_ratio * compressed:
        raise LimitExceededError(
            f"the archive unpacks to more than {limits.max_ratio:g} times its size"
        )


def _name(entry: Entry) -> str:
    try:
        name = entry.raw_name.decode("utf-8" if entry.flags & _UTF8 else "cp437")
    except UnicodeDecodeError as error:
        raise InvalidArchiveError(f"the name {shown(entry)} is not valid text") from error
    # Some readers prefer the name in this field: they would see another file than we do.
    other = extra_fields(entry.extra).get(_UNICODE_PATH)
    if other is not None and other[5:] != name.encode():
        raise InvalidArchiveError(f"{shown(entry)} has two different names")
    return name


def _check_kind(entry: Entry, *, is_folder: bool) -> None:
    if entry.flags & (_ENCRYPTED | _PATCH):
        raise InvalidArchiveError(f"{shown(entry)} is encrypted, or a patch")
    if not is_readable(entry):
        raise InvalidArchiveError(
            f"{shown(entry)} is compressed by method {entry.method}: use deflate, or store it"
        )
    kind = stat.S_IFMT(entry.attributes >> 16)
    if kind not in {0, stat.S_IFDIR if is_folder else stat.S_IFREG}:
        raise InvalidArchiveError(f"{shown(entry)} is a link or a device, not a file or folder")
    if is_folder and entry.size_bytes:
        raise InvalidArchiveError(f"the folder {shown(entry)} has content")


def _check_path(entry: Entry, path: str) -> None:
    parts = path.split("/")
    is_hostile = (
        any(part in {"", ".", ".."} for part in parts)
        or "\\" in path
        or _DRIVE.match(path) is not None
        or any(unicodedata.category(character) == "Cc" for character in path)
    )
    if is_hostile:
        raise InvalidArchiveError(
            f"{shown(entry)} is not a plain relative path: no '..', backslash or control character"
        )
    if len(entry.raw_name) > _MAX_NAME_BYTES or any(
        len(part.encode()) > _MAX_SEGMENT_BYTES for part in parts
    ):
        raise InvalidArchiveError(f"the name {shown(entry)} is too long")
