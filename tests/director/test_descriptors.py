"""How many descriptors a process that serves may have."""

import subprocess
import sys

import pytest

LIMITED = """
import logging, resource
from director.descriptors import raise_limit

logging.basicConfig(level=logging.INFO, format="%(message)s")
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
raise_limit()
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("soft", "hard"), [(64, 300), (300, 300)])
def test_a_process_may_open_as_many_as_the_system_lets_it(soft: int, hard: int) -> None:
    # In a process of its own: a limit that is lowered stays low.
    ended = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", LIMITED.format(soft=soft, hard=hard)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stdout == f"({hard}, {hard})\n"
    assert ended.stderr == f"up to {hard} connections and files may be open\n"
