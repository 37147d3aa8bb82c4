"""Archives put together by hand, with a plan and whatever else."""

import io
import zipfile
from collections.abc import Callable

from tests.director.workspace.archives import PLAN


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
