"""Archives to test with: the smallest one that is a workspace, and ways to put others together."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from director.workspace import ArchiveLimits, Workspace, read_workspace

FIXTURES = Path(__file__).parent / "fixtures"
LIMITS = ArchiveLimits()

PLAN = """\
aggregator: {settings: {rounds_to_train: 3}}
network: {settings: {agg_addr: auto, agg_port: auto}}
tasks:
  train: {function: train_batches, kwargs: {}}
  aggregated_model_validation: {function: validate, kwargs: {apply: global}}
  locally_tuned_model_validation: {function: validate, kwargs: {apply: local}}
"""


def fixture(name: str) -> bytes:
    return (FIXTURES / f"{name}.zip").read_bytes()


def packed(
    members: Mapping[str, bytes | str], *, method: int = zipfile.ZIP_DEFLATED, comment: bytes = b""
) -> bytes:
    """Return an archive of these members, in their order."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.comment = comment
        for name, content in members.items():
            # A date of its own would make two equal archives differ.
            archive.writestr(
                zipfile.ZipInfo(name, (2024, 1, 2, 3, 4, 6)), content, compress_type=method
            )
    return target.getvalue()


def with_plan(plan: str = PLAN, /, **members: bytes | str) -> bytes:
    return packed({"plan/plan.yaml": plan, **members})


def reading(archive: bytes, limits: ArchiveLimits = LIMITS) -> Workspace:
    return read_workspace(io.BytesIO(archive), limits)


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
