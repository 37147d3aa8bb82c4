"""A plan as a collaborator reads it: what OpenFL computes from its text, and what we compare.

Own code after OpenFL 1.6's observable behaviour; nothing in a plan is imported or called.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import yaml

PLAN_PATH = "plan/plan.yaml"

NETWORK_SETTINGS = ("agg_addr", "agg_port", "hash_salt")
"""What a Director may set in the plan of an archive that it hands out."""

# OpenFL takes a port from the range of those that nobody registers.
_FIRST_DYNAMIC_PORT = 49152
_DYNAMIC_PORTS = 11847


class PlanError(Exception):
    """The text is not a plan that one could follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """What the plan says of a task; without `apply`, a task trains."""

    trains: bool
    applies_local: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlan:
    """What a collaborator needs to know of a plan."""

    federation: str
    """The federation's id, which OpenFL derives from the plan's text."""
    address: str
    """"host:port" of the aggregator."""
    rounds: int
    tasks: Mapping[str, PlannedTask]
    """By name, those that stand in the plan itself."""
    network: Mapping[str, str | int | None]
    """The three settings that a Director may set, as they stand there."""
    rest: str
    """Digest of all the rest."""

    @property
    def aggregator(self) -> str:
        """The aggregator's id."""
        return f"aggregator_{self.federation}"


Config = dict[str, object]


@lru_cache(maxsize=64)
def read(text: bytes | None) -> ReadPlan:
    """Read a plan; once for all the collaborators that are given the same one.

    Raises:
        PlanError: there is none, it is not YAML, or lacks what a collaborator needs.
    """
    if text is None:
        raise PlanError("there is none")
    config = _config(text)
    # The dump has to be PyYAML's own, to the byte: the id is a digest of it.
    digest = hashlib.sha384(yaml.dump(config).encode()).hexdigest()
    settings = _settings(config, "network")
    port = settings.get("agg_port")
    if port in (None, "auto"):
        port = int(digest[:8], 16) % _DYNAMIC_PORTS + _FIRST_DYNAMIC_PORT
    rounds = _settings(config, "aggregator").get("rounds_to_train")
    if not isinstance(rounds, int) or rounds < 1:
        raise PlanError(f"rounds_to_train is {rounds!r}, not a number of rounds")
    return ReadPlan(
        federation=f"plan.yaml_{digest[:8]}",
        address=f"{settings.get('agg_addr')}:{port}",
        rounds=rounds,
        tasks=_tasks(config),
        network={name: _scalar(settings.get(name)) for name in NETWORK_SETTINGS},
        rest=_rest(config),
    )


def _config(text: bytes) -> Config:
    try:
        config = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise PlanError(f"not YAML: {error}") from error
    if not isinstance(config, dict):
        raise PlanError("not a mapping")
    for section in config.values():
        if isinstance(section, dict) and section.get("settings") is None:
            section["settings"] = {}
    return config


def _settings(config: Config, name: str) -> Config:
    section = config.get(name)
    settings = section.get("settings") if isinstance(section, dict) else None
    if not isinstance(settings, dict):
        raise PlanError(f"no settings of {name!r}")
    return settings


def _tasks(config: Config) -> dict[str, PlannedTask]:
    section = config.get("tasks")
    entries = section if isinstance(section, dict) else {}
    return {
        str(name): _task(entry.get("kwargs"))
        for name, entry in entries.items()
        if isinstance(entry, dict) and "function" in entry
    }


def _task(arguments: object) -> PlannedTask:
    apply = arguments.get("apply") if isinstance(arguments, dict) else None
    return PlannedTask(trains=apply is None, applies_local=apply == "local")


def _scalar(value: object) -> str | int | None:
    return value if value is None or isinstance(value, str | int) else str(value)


def _rest(config: Config) -> str:
    """Digest a plan without what a Director may set, in one canonical form."""
    network = config["network"]
    assert isinstance(network, dict), "its settings were read before"
    kept = {k: v for k, v in network["settings"].items() if k not in NETWORK_SETTINGS}
    rest = {**config, "network": {**network, "settings": kept}}
    try:
        text = json.dumps(rest, sort_keys=True, separators=(",", ":"), default=str)
    except (TypeError, ValueError, RecursionError) as error:
        raise PlanError(f"no plan has such values: {error}") from error
    return hashlib.sha256(text.encode()).hexdigest()
