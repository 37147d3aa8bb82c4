"""Make the environment in which the real OpenFL 1.6 runs, or print where it is.

It is apart from ours because OpenFL needs protobuf < 5; and it needs numpy < 2.4, because it calls
`reshape(newshape=...)`, which later releases no longer have, while its own metadata pin nothing.
Needs nothing but a Python that OpenFL 1.6 can be installed on.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PINNED = ("openfl==1.6", "numpy<2.4", "setuptools<80")
ENVIRONMENT = Path(
    os.environ.get("SQUALL_OPENFL_ENVIRONMENT", Path(__file__).parents[2] / ".venv-openfl")
)
PYTHON = ENVIRONMENT / "bin" / "python"

_TOO_NEW = (3, 12)
_OLD_ENOUGH = ("python3.11", "python3.10")


def is_there() -> bool:
    """Whether OpenFL can be run."""
    return (ENVIRONMENT / "pinned.txt").exists()


def make() -> None:
    """Install what is pinned, unless it is there already."""
    if is_there():
        return
    subprocess.run([_suitable_python(), "-m", "venv", "--clear", ENVIRONMENT], check=True)
    subprocess.run(
        [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINNED],
        check=True,
    )
    (ENVIRONMENT / "pinned.txt").write_text("\n".join(PINNED))


def _suitable_python() -> str:
    """Return this Python if OpenFL takes it, else an older one that is on the path."""
    if sys.version_info < _TOO_NEW:
        return sys.executable
    found = next(filter(None, map(shutil.which, _OLD_ENOUGH)), None)
    if found is None:
        sys.exit(f"OpenFL 1.6 needs one of {', '.join(_OLD_ENOUGH)}, and none is on the path")
    return found


if __name__ == "__main__":
    make()
    sys.stdout.write(f"{PYTHON}\n")
