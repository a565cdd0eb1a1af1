"""The reference of the configuration: complete, true, and the page that is printed."""

import typing
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from agent.config import yaml
from agent.config.described import KEYS, SHAPES
from agent.config.findings import Findings
from agent.config.reference import Key, keys, markdown, not_yet, text
from agent.config.schema import Settings
from agent.config.schema_base import Section
from agent.config.sections import sections

PAGE = Path(__file__).parents[4] / "docs/reference.md"


def test_every_key_is_described_by_one_line() -> None:
    missing = [key.path for key in keys() if not key.what or not key.example]
    assert not missing, (
        f"{', '.join(missing)}: the schema has these keys and the reference would say nothing of them; add a line for "
        'each to KEYS in agent/config/described.py, such as "targets[].region": ("where it is served", "eastus2"), '
        "and print the page anew: nephoscope config reference --markdown > docs/reference.md"
    )


def test_every_key_has_a_type() -> None:
    untyped = [key.path for key in keys() if not key.type]
    assert not untyped, (
        f"{', '.join(untyped)}: the schema says Any; tell in SHAPES of agent/config/described.py whether it is a list "
        "or a map, and of which section"
    )


def test_no_line_describes_a_key_that_neither_is_nor_will_be() -> None:
    known = {key.path for key in keys()} | set(not_yet())
    later = tuple(f"{path}{end}" for path in not_yet() for end in (".", "["))
    assert [path for path in KEYS if path not in known and not path.startswith(later)] == []


def test_the_page_is_what_the_command_prints() -> None:
    assert PAGE.read_text() == markdown(), (
        "print it anew: nephoscope config reference --markdown > docs/reference.md"
    )


@pytest.mark.parametrize("key", keys(), ids=lambda key: key.path)
def test_every_example_is_taken_by_the_schema(key: Key) -> None:
    value = yaml.parse(key.example).data
    assert value is not None
    hint = _hint(key.path)
    if hint is not typing.Any:
        TypeAdapter(hint).validate_python(value)


def test_keys_of_later_versions_are_listed_as_such() -> None:
    assert "contracts" in not_yet()
    assert text().splitlines()[-1].startswith("not yet: ")
    assert not {key.path for key in keys()} & set(not_yet())


def test_defaults_are_written_as_in_a_file() -> None:
    """What the reference calls a default may be written out without changing anything."""
    told = {key.path: key.default for key in keys()}
    assert (told["probes[].connection"], told["limits.event"], told["objectives[].window"]) == (
        "cold",
        "8MiB",
        "28d",
    )
    assert (told["storage.migrate"], told["targets[].name"], told["targets[].region"]) == (
        "true",
        "required",
        "-",
    )
    assert (told["probes[].targets"], told["journal.max_size"]) == ("all", "2GiB")
    assert told["services[].objective.percent"] == "99.9"
    written = "\n".join(
        f"  {path.removeprefix('probes[].')}: {default}"
        for path, default in told.items()
        if path.startswith("probes[].") and default not in {"-", "required"} and path.count(".") == 1
    )
    base = "targets: [{name: a, provider: vllm, model: m, endpoint: 'http://127.0.0.1:1'}]\n"
    findings = Findings("f", {})
    explicit = sections(yaml.parse(f"{base}probes:\n- name: chat\n{written}").data, findings)
    short = sections(yaml.parse(f"{base}probes:\n- name: chat").data, findings)
    findings.raise_errors()
    assert explicit.probes == short.probes


def _hint(path: str) -> typing.Any:
    """Return the annotation of a key's value."""
    model: type[Section] = Settings
    hint: typing.Any = typing.Any
    walked = ""
    for part in path.split("."):
        name = part.removesuffix("[]")
        if part == "NAME":
            continue
        if name in getattr(model, "before", ()):
            return typing.Any
        attribute = next(at for at, field in model.model_fields.items() if name in {at, field.alias})
        hint = typing.get_type_hints(model, include_extras=True)[attribute]
        walked = f"{walked}.{name}".strip(".")
        inner = SHAPES.get(walked, ("", None))[1] or _inner(hint)
        model = inner or model
    return hint


def _inner(hint: object) -> type[Section] | None:
    if isinstance(hint, type) and issubclass(hint, Section):
        return hint
    found = (_inner(one) for one in typing.get_args(hint))
    return next((one for one in found if one is not None), None)
