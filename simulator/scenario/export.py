"""The scenario's JSON Schema, for editors and for whoever writes scenarios by program.

Wider than the models in one way: a `${param}` may stand for any single value.
"""

import ast
import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema
from typing_extensions import override

from simulator.scenario.schema import Scenario

_PARAM_NAME = "Param"
_PARAM = {"$ref": f"#/$defs/{_PARAM_NAME}"}
_PARAM_ITSELF = {
    "type": "string",
    "pattern": r"\$\{[^{}]+\}",
    "description": "a parameter of this file, or of its matrix",
}
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


def schema_text() -> str:
    """Return the schema as the text of a file, ending in a newline."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def json_schema() -> dict[str, Any]:
    """Return the schema of a scenario file (JSON Schema 2020-12)."""
    schema: dict[str, Any] = _open(
        Scenario.model_json_schema(by_alias=True, schema_generator=_Telling)
    )
    schema["$defs"][_PARAM_NAME] = _PARAM_ITSELF
    schema["properties"]["params"] = _PARAMS
    schema["properties"]["matrix"] = _MATRIX
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Squall scenario",
    }


class _Telling(GenerateJsonSchema):
    """Lets an editor show what the models say of their keys."""

    @override
    def field_title_should_be_set(self, schema: object) -> bool:
        return False  # it would only be the key once more

    @override
    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        model: type[BaseModel] = schema["cls"]
        written = super().model_schema(schema)
        # What may be a text as well has its keys in one of its forms.
        forms = [form for form in (written, *written.get("anyOf", ())) if "properties" in form]
        for name, told in _told(model).items():
            key = model.model_fields[name].alias or name
            for form in forms:
                form["properties"][key].setdefault("description", told)
        return written


def _told(model: type[BaseModel]) -> Mapping[str, str]:
    """Return what stands below the keys of a model and of those that it extends.

    Pydantic could read it when the models are made, which every run would have to wait for.
    """
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel):
            found.update(_written_in(each.__module__).get(each.__name__, {}))
    return {name: told for name, told in found.items() if name in model.model_fields}


@cache
def _written_in(module: str) -> Mapping[str, Mapping[str, str]]:
    """Return what stands below each attribute of each class of a module."""
    tree = ast.parse(inspect.getsource(import_module(module)))
    return {
        each.name: dict(_told_attributes(each.body))
        for each in tree.body
        if isinstance(each, ast.ClassDef)
    }


def _told_attributes(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    for attribute, below in pairwise(body):
        match attribute, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(told))),
            ):
                yield name, inspect.cleandoc(told)
            case _:
                pass


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
