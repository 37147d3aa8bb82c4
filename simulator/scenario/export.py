"""The scenario's JSON Schema, for editors and for whoever writes scenarios by program.

Wider than the models in one way: a `${param}` may stand for any single value.
"""

from typing import Any

from simulator.scenario.schema import Scenario

_PARAM = {"type": "string", "pattern": r"\$\{[^{}]+\}"}
_SCALAR = {"type": ["string", "number", "boolean", "null"]}
_NAMES = {"pattern": r"^[A-Za-z_][A-Za-z0-9_-]*$"}
_SINGLE = frozenset({"string", "number", "integer", "boolean", "null"})

_PARAMS = {
    "type": "object",
    "description": "values for ${name}; --set name=value gives others",
    "propertyNames": _NAMES,
    "additionalProperties": _SCALAR,
}
_MATRIX = {
    "type": "object",
    "description": "one case per combination of these values for ${name}",
    "propertyNames": _NAMES,
    "properties": {
        "exclude": {
            "type": "array",
            "items": {"type": "object", "additionalProperties": _SCALAR, "minProperties": 1},
        }
    },
    "additionalProperties": {"type": "array", "items": _SCALAR, "minItems": 1},
}


def json_schema() -> dict[str, Any]:
    """Return the schema of a scenario file (JSON Schema 2020-12)."""
    schema: dict[str, Any] = _open(Scenario.model_json_schema(by_alias=True))
    schema["properties"]["params"] = _PARAMS
    schema["properties"]["matrix"] = _MATRIX
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Squall scenario",
    }


_OF_NAMES = ("properties", "$defs")
_OF_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_OF_ONE = ("items", "additionalProperties")


def _open(schema: Any) -> Any:
    """Let `${param}` stand wherever a single value may, but for those that tell what follows."""
    if not isinstance(schema, dict) or "const" in schema:
        return schema
    if "enum" in schema or _is_single(schema.get("type")):
        notes = {key: schema[key] for key in ("title", "description", "default") if key in schema}
        value = {key: part for key, part in schema.items() if key not in notes}
        return {"anyOf": [value, _PARAM], **notes}
    opened = dict(schema)
    for key in _OF_NAMES:
        if key in schema:
            opened[key] = {name: _open(part) for name, part in schema[key].items()}
    for key in _OF_MANY:
        if key in schema:
            opened[key] = [_open(part) for part in schema[key]]
    for key in _OF_ONE:
        if key in schema:
            opened[key] = _open(schema[key])
    return opened


def _is_single(types: Any) -> bool:
    listed = types if isinstance(types, list) else [types]
    return all(isinstance(kind, str) and kind in _SINGLE for kind in listed)
