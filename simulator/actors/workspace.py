"""The archive that a simulated frontend uploads: a plan, some code, filler, and traps.

The traps are pickles, a module and a template that make a canary sing if anybody runs them.
The same random stream gives the same bytes.
"""

import io
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

import yaml

from simulator.actors import canary
from simulator.actors.plan import PLAN_PATH
from simulator.actors.training import LOSS, SCORE
from simulator.history.entry import JsonObject

_TASKS: Mapping[str, Mapping[str, object]] = {
    "aggregated_model_validation": {
        "function": "validate",
        "kwargs": {"apply": "global", "metrics": [SCORE]},
    },
    "train": {"function": "train", "kwargs": {"metrics": [LOSS]}},
    "locally_tuned_model_validation": {
        "function": "validate",
        "kwargs": {"apply": "local", "metrics": [SCORE]},
    },
}

TOLD_TASKS: tuple[JsonObject, ...] = (
    {
        "name": "aggregated_model_validation",
        "function": "validate",
        "type": "validate",
        "apply_local": False,
    },
    {"name": "train", "function": "train", "type": "train", "apply_local": False},
    {
        "name": "locally_tuned_model_validation",
        "function": "validate",
        "type": "validate",
        "apply_local": True,
    },
)
"""What a Director is to make of the plan's tasks, as the history tells it."""

# OpenFL's interactive API leaves these in a workspace.
_PICKLES = (
    "aggregation_function_obj.pkl",
    "loader_obj.pkl",
    "model_obj.pkl",
    "task_assigner_obj.pkl",
    "tasks_obj.pkl",
)
_MODULE = """\
from simulator.actors.canary import sing

sing()
"""
_REQUIREMENTS = "numpy\n"
_FILLER = "weights/pretrained.bin"

# OpenFL's aggregator writes models there, and makes no folder for them.
_SAVED = "save/README"
_SAVED_TEXT = "Models are saved in this folder.\n"

# The earliest time that a zip can tell; any fixed one will do.
_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_UNIX = 3
# Large enough to be refused by its ratio, and small enough to be made in no time.
_BOMB_BYTES = 32 * 2**20


class _Egg:
    """What sings when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return canary.sing, ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What goes into an archive."""

    rounds: int
    host: str
    """Where the plan says that the aggregator is; its port is the Director's to set."""
    tls: bool = False
    """Whether collaborators are to speak TLS with it."""
    size_bytes: int = 0
    """At least so large, where the rest does not fill it."""


def plan_text(recipe: Recipe) -> bytes:
    """Return a plan as OpenFL writes one: every section with template and settings, sorted."""
    plan: dict[str, dict[str, object]] = {
        "aggregator": _section(
            "openfl.component.Aggregator",
            best_state_path="save/best.pbuf",
            db_store_rounds=2,
            init_state_path="save/init.pbuf",
            last_state_path="save/last.pbuf",
            rounds_to_train=recipe.rounds,
            write_logs=True,
        ),
        "assigner": _section(
            "openfl.component.RandomGroupedAssigner",
            task_groups=[{"name": "everybody", "percentage": 1.0, "tasks": list(_TASKS)}],
        ),
        "collaborator": _section(
            "openfl.component.Collaborator",
            db_store_rounds=1,
            delta_updates=False,
            device_assignment_policy="CPU_ONLY",
            opt_treatment="RESET",
        ),
        "compression_pipeline": _section("openfl.pipelines.NoCompressionPipeline"),
        # Nobody but a collaborator has any business with it.
        "data_loader": _section("simulator.actors.canary.sing"),
        "network": _section(
            "openfl.federation.Network",
            agg_addr=recipe.host,
            agg_port="auto",
            cert_folder="cert",
            client_reconnect_interval=5,
            disable_client_auth=False,
            hash_salt="auto",
            tls=recipe.tls,
        ),
        "task_runner": _section("openfl.federated.task.task_runner.CoreTaskRunner"),
        "tasks": {"settings": {}, **_TASKS},
    }
    return yaml.safe_dump(plan).encode()


def _section(template: str, **settings: object) -> dict[str, object]:
    return {"settings": settings, "template": template}


def members(recipe: Recipe) -> dict[str, bytes]:
    """Return all that an archive holds but for filler."""
    egg = pickle.dumps(_Egg(), protocol=4)
    return {
        PLAN_PATH: plan_text(recipe),
        "requirements.txt": _REQUIREMENTS.encode(),
        "experiment.py": _MODULE.encode(),
        _SAVED: _SAVED_TEXT.encode(),
        **dict.fromkeys(_PICKLES, egg),
    }


def archive(recipe: Recipe, random: Random) -> bytes:
    """Return a whole and runnable archive."""
    parts = members(recipe)
    missing = recipe.size_bytes - len(zipped(parts))
    if missing > 0:
        parts[_FILLER] = random.randbytes(missing)
    return zipped(parts)


@cache
def bomb(recipe: Recipe) -> bytes:
    """Return a small archive that would inflate to a large one."""
    parts = members(recipe) | {"zeros.bin": bytes(_BOMB_BYTES)}
    return zipped(parts, compression=zipfile.ZIP_DEFLATED)


def zipped(parts: Mapping[str, bytes], *, compression: int = zipfile.ZIP_STORED) -> bytes:
    """Zip members; stored, because the output of a compressor depends on its version."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive_file:
        for path, content in parts.items():
            member = zipfile.ZipInfo(path, _DATE)
            member.create_system = _UNIX
            member.external_attr = _MODE
            archive_file.writestr(member, content, compress_type=compression)
    return file.getvalue()
