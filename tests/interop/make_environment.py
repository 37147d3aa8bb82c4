"""Make the environment in which the real OpenFL 1.6 runs, or print where it is.

It is apart from ours because OpenFL needs protobuf < 5; and it needs numpy < 2.4, because it calls
`reshape(newshape=...)`, which later releases no longer have, while its own metadata pin nothing.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

PINNED = ("openfl==1.6", "numpy<2.4", "setuptools<80")
ENVIRONMENT = Path(
    os.environ.get("SQUALL_OPENFL_ENVIRONMENT", Path(__file__).parents[2] / ".venv-openfl")
)
PYTHON = ENVIRONMENT / "bin" / "python"


def is_there() -> bool:
    """Whether OpenFL can be run."""
    return (ENVIRONMENT / "pinned.txt").exists()


def make() -> None:
    """Install what is pinned, unless it is there already."""
    if is_there():
        return
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *PINNED], check=True)
    (ENVIRONMENT / "pinned.txt").write_text("\n".join(PINNED))


if __name__ == "__main__":
    make()
    sys.stdout.write(f"{PYTHON}\n")
