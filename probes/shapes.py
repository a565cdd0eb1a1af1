"""Whether a value has the shape that a JSON Schema asks for; nothing is fetched, and formats are not checked."""

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012, specification_with

from probes.loose import clean

_SHOWN = 80
_USUAL = jsonschema.Draft202012Validator
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_TOO_DEEP = "is nested too deeply to be judged"
_UNUSABLE = "is judged by a schema that cannot be used"


def fault(value: Any, schema: Mapping[str, Any]) -> str | None:
    """Return the first thing that is wrong with a value, None where it is valid; the value itself is not quoted.

    >>> shape = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    >>> fault({"n": 1}, shape), fault({"n": "x"}, shape), fault({}, shape)
    (None, '`n` breaks type: "integer"', 'it lacks `n`')
    """
    try:
        error = next(_validator(json.dumps(schema)).iter_errors(value), None)
    except RecursionError:
        return _TOO_DEEP
    except Unresolvable:
        return _UNUSABLE
    if error is None:
        return None
    place = f"`{clean(error.json_path.removeprefix('$').removeprefix('.'), _SHOWN)}`" if error.path else "it"
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"{place} lacks {', '.join(f'`{name}`' for name in missing)}"
    return f"{place} breaks {error.validator}: {clean(json.dumps(error.validator_value), _SHOWN)}"


def schema_fault(schema: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a schema, by the meta-schema that it names; None where it can be used.

    >>> schema_fault({"type": "object"}), schema_fault({"type": "objekt"})
    (None, "`type`: 'objekt' is not valid under any of the given schemas")
    >>> schema_fault({"$ref": "https://schemas.example/one.json"})
    '`https://schemas.example/one.json` is not in it, and nothing is fetched; write it out under $defs'
    """
    named = str(schema.get("$schema", _USUAL.META_SCHEMA["$id"]))
    kind = validator_for({"$schema": named}, default=None)
    if kind is None:
        return f"$schema {clean(named, _SHOWN)} is not known; take it out, or name a draft"
    try:
        kind.check_schema(schema)
        lost = next(_unresolved(schema, named), None)
        return lost or ("leads back to itself" if fault({}, schema) == _TOO_DEEP else None)
    except jsonschema.SchemaError as error:
        place = clean(error.json_path.removeprefix("$").removeprefix("."), _SHOWN)
        return f"{f'`{place}`' if place else 'it'}: {clean(error.message, _SHOWN)}"
    except RecursionError:
        return _TOO_DEEP


@functools.lru_cache(maxsize=64)
def _validator(schema: str) -> Validator:
    """Return what judges by a schema; its references are looked up in itself alone."""
    parsed = json.loads(schema)
    return validator_for(parsed, default=_USUAL)(parsed, registry=Registry())


def _unresolved(schema: Mapping[str, Any], named: str) -> Iterator[str]:
    """Yield a sentence for each reference that does not lead to a place in the schema itself."""
    draft = specification_with(named, default=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("", draft.create_resource(schema))
    for text in _references(schema):
        if not (text.startswith("#") and _leads(registry, text)):
            yield f"`{clean(text, _SHOWN)}` is not in it, and nothing is fetched; write it out under $defs"


def _leads(registry: Registry[Any], reference: str) -> bool:
    try:
        registry.resolver("").lookup(reference)
    except Unresolvable:
        return False
    return True


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key in _REFERENCES and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)
