"""Aggregation functions that a workspace brings: whether they may be loaded, and with what.

Nothing is loaded here either.  Who does that, where an operator has allowed it, needs the pickle
and the modules that lie beside it in the workspace.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from director.errors import LimitExceededError, UnsupportedPlanError
from director.workspace.archive import Archive, open_archive
from director.workspace.inert_pickle import Description
from director.workspace.limits import ArchiveLimits
from director.workspace.pickled_tasks import AGGREGATIONS_MEMBER, imports_of
from director.workspace.plan_text import PLAN_MEMBER, Config

_PLUGINS = "required_plugin_components"
_PICKLERS = frozenset(
    f"openfl.plugins.interface_serializer.{module}.{name}"
    for module, name in (
        ("cloudpickle_serializer", "CloudpickleSerializer"),
        ("keras_serializer", "KerasSerializer"),
    )
)
"""Those of OpenFL's serializers whose pickles any `pickle` reads where cloudpickle is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PickledCode:
    """A table of aggregation functions, and the Python modules of its workspace by their paths."""

    table: bytes
    modules: Mapping[str, bytes]


def foreign_imports(config: Config, pickled: Description, archive: Archive) -> tuple[str, ...]:
    """Return the modules that loading the functions takes, and that the workspace does not bring.

    Raises:
        UnsupportedPlanError: they were pickled in a way that is not known.
    """
    plugins = config.get("api_layer", {}).get(_PLUGINS)
    serializer = plugins.get("serializer_plugin") if isinstance(plugins, dict) else None
    if serializer is not None and serializer not in _PICKLERS:
        raise UnsupportedPlanError(
            f"{PLAN_MEMBER}: aggregation functions pickled by {str(serializer)!r} cannot be loaded"
        )
    brought = {path.partition("/")[0].removesuffix(".py") for path in _modules(archive.files)}
    return tuple(name for name in imports_of(pickled) if name not in brought)


def read_code(file: BinaryIO, limits: ArchiveLimits) -> PickledCode:
    """Return what has to be loaded of an archive that `read_workspace` has found to be sound.

    Raises:
        InvalidArchiveError: it is damaged.
        LimitExceededError: its modules are larger than we are willing to copy.
    """
    archive = open_archive(file, limits)
    modules: dict[str, bytes] = {}
    left = limits.max_code_bytes
    for path in _modules(archive.files):
        try:
            modules[path] = archive.read(path, max_bytes=left)
        except LimitExceededError:
            raise LimitExceededError(
                f"the workspace's modules have more than {limits.max_code_bytes} bytes"
            ) from None
        left -= len(modules[path])
    table = archive.read(AGGREGATIONS_MEMBER, max_bytes=limits.max_pickle_bytes)
    return PickledCode(table=table, modules=modules)


def _modules(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(path for path in paths if path.endswith(".py"))
