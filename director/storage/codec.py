"""Records of a journal as JSON, with the version of its layout; how older ones are read.

The layout is that of the core's own values.  Whoever changes one of them in a way that changes the
JSON raises `VERSION`, and writes an upgrade that makes the old JSON the new one.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, get_args

from pydantic import ValidationError

from director.core.events import Durable
from director.core.snapshots import Snapshot
from director.storage.errors import DamagedStateError, NewerStateError
from director.storage.pieces import JsonObject, adapter_of, in_json, pieces
from director.storage.ports import Record

VERSION = 2

Upgrade = Callable[[str, JsonObject], JsonObject]
"""Takes the kind of a record and its JSON in one version, and returns that in the next."""


def _unshared(kind: str, content: JsonObject) -> JsonObject:
    """Let what was first come, first served be replayed so."""
    is_about_turns = kind in {"ExperimentSubmitted", "Snapshot"}
    return {**content, "is_shared": False} if is_about_turns else content


UPGRADES: Mapping[int, Upgrade] = MappingProxyType({1: _unshared})
"""By the version that they start from."""

_KINDS: Mapping[str, Any] = MappingProxyType(
    {kind.__name__: kind for kind in (*get_args(Durable), Snapshot)}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A record as it is stored."""

    version: int
    kind: str
    body: bytes
    """JSON in ASCII, on one line."""


class Codec:
    """Writes one version, and reads all up to it."""

    def __init__(self, version: int = VERSION, upgrades: Mapping[int, Upgrade] = UPGRADES) -> None:
        self.version = version
        self._upgrades = upgrades

    def encode(self, record: Record) -> Encoded:
        """Return the record as this version stores it."""
        kind = type(record).__name__
        if isinstance(record, Snapshot):
            return Encoded(version=self.version, kind=kind, body=b"".join(pieces(record)))
        content = adapter_of(_KINDS[kind]).dump_python(record, exclude_defaults=True)
        return Encoded(version=self.version, kind=kind, body=in_json(content))

    def decode(self, stored: Encoded) -> Record:
        """Return a record that this version stored, or an earlier one.

        Raises:
            NewerStateError: a later version stored it.
            DamagedStateError: it is none of our records.
        """
        self.check_version(stored.version)
        if stored.kind not in _KINDS:
            raise DamagedStateError(f"there is no event of the kind {stored.kind!r}")
        adapter = adapter_of(_KINDS[stored.kind])
        try:
            # Straight to the validator: a start does this a hundred thousand times.
            record: Record = adapter.validator.validate_json(self._upgraded(stored))
        except ValidationError as error:
            flaw = error.errors(include_url=False)[0]
            where = ".".join(str(key) for key in flaw["loc"])
            raise DamagedStateError(f"{stored.kind} {where}: {flaw['msg']}") from None
        return record

    def check_version(self, version: int) -> None:
        """Raises NewerStateError for a version that is yet to come."""
        if version > self.version:
            raise NewerStateError(
                f"it was written by a later version of the Director (layout {version}; this one"
                f" knows layouts up to {self.version}): start that version, or restore a backup"
                " of before the upgrade"
            )

    def _upgraded(self, stored: Encoded) -> bytes:
        if stored.version == self.version:
            return stored.body
        content: JsonObject = json.loads(stored.body)
        for version in range(stored.version, self.version):
            content = self._upgrades[version](stored.kind, content)
        return in_json(content)


def layout() -> Mapping[str, JsonObject]:
    """Return the JSON Schema of every kind of record, as this version stores it."""
    return {kind: adapter_of(record).json_schema() for kind, record in sorted(_KINDS.items())}
