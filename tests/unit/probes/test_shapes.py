"""A JSON Schema is a judge that fetches nothing and is checked before it judges."""

import socket
from typing import Any

import pytest

from probes.shapes import fault, schema_fault


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {"$ref": {"type": "string"}}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}},
        {"$id": "https://bank.example/one", "$ref": "#/$defs/a", "$defs": {"a": {}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {}}, "$ref": "#/definitions/a"},
        {"type": "object", "properties": {"next": {"$ref": "#"}}},
    ],
)  # fmt: skip
def test_a_schema_that_stands_by_itself_is_fine(schema: dict[str, Any]) -> None:
    assert schema_fault(schema) is None


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "objekt"}, "`type`: 'objekt' is not valid under any of the given schemas"),
        ({"properties": {"a": {"minimum": "one"}}}, "`properties.a.minimum`: 'one' is not of type 'number'"),
        ({"pattern": "("}, "`pattern`: '(' is not a 'regex'"),
        ({"$schema": "http://bank.example/own"}, "$schema http://bank.example/own is not known"),
        ({"$schema": 7}, "$schema 7 is not known"),
        ({"$ref": "https://bank.example/a.json"}, "`https://bank.example/a.json` is not in it, and nothing is"),
        ({"items": [{"$ref": "file:///etc/passwd"}]}, "`items`: "),
        ({"items": {"$ref": "file:///etc/passwd"}}, "`file:///etc/passwd` is not in it"),
        ({"$ref": "#/$defs/a"}, "`#/$defs/a` is not in it"),
        ({"$ref": "#"}, "leads back to itself"),
    ],
)  # fmt: skip
def test_any_other_is_told_with_its_place(schema: dict[str, Any], said: str) -> None:
    found = schema_fault(schema)
    assert found is not None
    assert found.startswith(said)


def test_nothing_is_fetched_even_where_nobody_looked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that was made by hand may hold what the configuration refuses."""

    def called(*_: Any, **__: Any) -> None:
        raise AssertionError("somebody wanted the network")

    monkeypatch.setattr(socket, "getaddrinfo", called)
    assert fault({}, {"$ref": "http://bank.example/a.json"}) == "is judged by a schema that cannot be used"


def test_a_format_is_not_judged() -> None:
    """Vendors do not promise them."""
    assert fault("no address", {"type": "string", "format": "email"}) is None


def test_what_is_nested_too_deeply_is_told() -> None:
    value: Any = []
    for _ in range(900):
        value = [value]
    assert fault(value, {"type": "array", "items": {"$ref": "#"}}) == "is nested too deeply to be judged"
