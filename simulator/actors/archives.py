"""What the history tells of an archive: a digest of each member, and of its plan.

An archive may come broken; then there is nothing to tell, and that is an answer too.
"""

import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass

from simulator.actors.plan import PLAN_PATH, PlanError, ReadPlan, read
from simulator.history.entry import JsonObject

# What an archive may inflate to before we call it a bomb and do not look.
_LARGEST_BYTES = 2**31
_LARGEST_RATIO = 200

# What reading a damaged zip may raise, by the standard library's word and by experience.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What was found in an archive."""

    sha256: str
    """Of the archive itself."""
    members: dict[str, str] | None
    """SHA-256 by path, the plan not among them; None where not every member could be read."""
    plan: ReadPlan | None
    problem: str
    """Why nobody can work with it; "" where one can."""

    def told(self) -> JsonObject:
        """Tell it in the history."""
        return {
            "sha256": self.sha256,
            "members": self.members,
            "plan_rest": self.plan.rest if self.plan else None,
            "network": self.plan.network if self.plan else None,
        }


def inspected(content: bytes | bytearray) -> Inspected:
    """Read every member to its end; an archive may hold anything, and nothing of it is run."""
    members: dict[str, str] | None = None
    plan: ReadPlan | None = None
    problem = ""
    try:
        members, text = _read(content)
        plan = read(text)
    except _UNREADABLE as error:
        problem = f"not an archive: {error}"
    except PlanError as error:
        problem = f"the plan of the archive: {error}"
    return Inspected(
        sha256=hashlib.sha256(content).hexdigest(), members=members, plan=plan, problem=problem
    )


def _read(content: bytes | bytearray) -> tuple[dict[str, str], bytes | None]:
    """Return digests, and the plan's text where there is one."""
    members: dict[str, str] = {}
    plan: bytes | None = None
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        _refuse_bombs(archive, len(content))
        for path in archive.namelist():
            # Reading a member to its end checks its CRC.
            text = archive.read(path)
            if path == PLAN_PATH:
                plan = text
            else:
                members[path] = hashlib.sha256(text).hexdigest()
    return members, plan


def _refuse_bombs(archive: zipfile.ZipFile, size_bytes: int) -> None:
    inflated = sum(member.file_size for member in archive.infolist())
    if inflated > min(_LARGEST_BYTES, _LARGEST_RATIO * size_bytes):
        raise zipfile.BadZipFile(f"{size_bytes} bytes would inflate to {inflated}")
