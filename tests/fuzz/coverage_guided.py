"""Fuzzing that is led by coverage: archives, plans and pickles, for as long as one likes.

Needs `pip install '.[fuzz]'`, and is run by hand:

    python -m tests.fuzz.coverage_guided archive -max_total_time=600 corpus/

What follows the target's name are libFuzzer's own options.  It ends with an error, and a file that
reproduces it, where reading raises what is not a refusal, or accepts what others cannot read.
"""

import io
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["director.workspace", "zipfile", "pickletools"]):
    from director.errors import DirectorError
    from director.workspace import ArchiveLimits, read_workspace, rewrite_workspace
    from director.workspace.inert_pickle import describe
    from director.workspace.plan_text import federation_id, read_config, readdressed
from tests.director.workspace.archives import PLAN, fixture, with_plan

_LIMITS = ArchiveLimits(max_uncompressed_bytes=2**22)


def archive(content: bytes) -> None:
    """Read as an upload, and as everybody else reads what was accepted."""
    try:
        workspace = read_workspace(io.BytesIO(content), _LIMITS)
    except DirectorError:
        return
    with zipfile.ZipFile(io.BytesIO(content)) as members:
        assert members.testzip() is None
        assert members.read("plan/plan.yaml").decode() == workspace.plan_text
    target = io.BytesIO()
    rewrite_workspace(io.BytesIO(content), target, agg_addr="a", agg_port=1, hash_salt="s")
    with zipfile.ZipFile(target) as members:
        assert members.testzip() is None


def plan(content: bytes) -> None:
    """Read as the plan of an upload, and sent on under another address."""
    text = content.decode("utf-8", errors="replace")
    try:
        read_config(text, _LIMITS)
        read_workspace(io.BytesIO(with_plan(text)), _LIMITS)
    except DirectorError:
        return
    federation_id(readdressed(text, agg_addr="a", agg_port=1, hash_salt="s"))


def pickled(content: bytes) -> None:
    """Describe, and obey nothing."""
    try:
        describe(content, max_steps=10_000)
    except DirectorError:
        return


def _pickles() -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(fixture("openfl_workspace"))) as members:
        return [members.read(name) for name in members.namelist() if name.endswith(".pkl")]


TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], list[bytes]]]] = {
    "archive": (archive, lambda: [with_plan(), fixture("openfl_workspace")]),
    "plan": (plan, lambda: [PLAN.encode()]),
    "pickle": (pickled, _pickles),
}
"""What is fuzzed, and what to begin with."""


def main() -> None:
    name, *options = sys.argv[1:] or [""]
    if name not in TARGETS:
        sys.exit(f"usage: coverage_guided {'|'.join(TARGETS)} [libFuzzer's options] [corpus]")
    target, seeds = TARGETS[name]
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds()):
            (Path(folder) / str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], *options, folder], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
