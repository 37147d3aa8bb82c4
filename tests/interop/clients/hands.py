"""OpenFL's clients, led by hand."""

from pathlib import Path
from typing import Any

from tests.interop.federation import Client, Federation

PERIOD_S = 60
SHAPES = {"sample_shape": ["1"], "target_shape": ["1"]}
MODEL = {"weights": [0.5, -0.5], "bias": [1.0]}


def registered(shard: Client) -> Client:
    assert shard.call("report_shard_info", description="ten", cuda_devices=[], **SHAPES).value
    return shard


def submission(name: str, workspace: Path, *collaborators: str) -> dict[str, Any]:
    return {
        "name": name,
        "col_names": list(collaborators),
        "arch_path": str(workspace),
        "model": MODEL,
    }


def given_running(there: Federation, name: str, workspace: Path) -> Client:
    """Alice's experiment, with hand-1 and hand-2."""
    for hand in ("hand-1", "hand-2"):
        registered(there.shard(hand))
    alice = there.user("alice")
    told = alice.call("set_new_experiment", **submission(name, workspace, "hand-1", "hand-2"))
    assert told.value == {"accepted": True}
    return alice
