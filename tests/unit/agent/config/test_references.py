"""The grammar of references."""

from pathlib import Path

import pytest

from agent.config.references import Reference, literal, pieces


def test_references_stand_anywhere_in_a_text() -> None:
    assert pieces("a${B}c${file:/d e}${F:-g:-h}") == [
        "a",
        Reference("B"),
        "c",
        Reference("/d e", file=True),
        Reference("F", default="g:-h"),
    ]


def test_two_dollars_are_one_and_shield_a_brace() -> None:
    assert (literal("$${B} costs $$5, $5"), pieces("")) == ("${B} costs $5, $5", [])


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("${A", "is never closed"),
        ("${}", "does not hold a name"),
        ("${1A}", "does not hold a name"),
        ("${sk-planted}", "^`..[.]{3}}` does not hold a name"),
        ("${file:key}", "needs an absolute path"),
        ("${secret:a/b}", "not yet"),
    ],
)
def test_a_broken_reference_is_told(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        pieces(text)


def test_a_default_stands_in_for_what_is_unset_or_empty() -> None:
    reference = Reference("A", default="d")
    assert [reference.value(environ) for environ in ({}, {"A": ""}, {"A": "x"})] == ["d", "d", "x"]
    assert Reference("A", default="").value({}) == ""


@pytest.mark.parametrize(("environ", "state"), [({}, "is not set"), ({"A": ""}, "is empty")])
def test_a_variable_that_holds_nothing_is_told(environ: dict[str, str], state: str) -> None:
    with pytest.raises(LookupError, match=f"the environment variable A {state}; set it"):
        Reference("A").value(environ)


def test_a_file_loses_one_trailing_newline(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"a b\n\r\n")
    assert Reference(str(file), file=True).value({}) == "a b\n"


@pytest.mark.parametrize(
    ("content", "part"), [(None, "No such file"), (b"\n", "is empty"), (b"\xff", "not UTF-8")]
)
def test_a_file_that_holds_no_secret_is_told(tmp_path: Path, content: bytes | None, part: str) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(LookupError, match=part):
        Reference(str(file), file=True).value({})
