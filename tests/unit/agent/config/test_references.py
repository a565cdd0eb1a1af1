"""The grammar of references."""

import pytest

from agent.config.references import Reference, literal, pieces


def test_references_stand_anywhere_in_a_text() -> None:
    assert pieces("a${B}c${file:/d e}${F:-g:-h}${secret:a/b.c}") == [
        "a",
        Reference("B"),
        "c",
        Reference("/d e", "file"),
        Reference("F", default="g:-h"),
        Reference("a/b.c", "secret"),
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
        ("${secret:}", "does not name a file under secrets.dir; write its path from there"),
        ("${secret:/etc/passwd}", "does not name a file under secrets.dir"),
        ("${secret:a/../../b}", "does not name a file under secrets.dir"),
        ("${secret:./a}", "does not name a file under secrets.dir"),
        ("${secret:a\nb}", "does not name a file under secrets.dir"),
    ],
)
def test_a_broken_reference_is_told(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        pieces(text)


@pytest.mark.parametrize("text", ["${A}", "${A:-b}", "${file:/a b}", "${secret:a/b}"])
def test_a_reference_can_be_written_as_it_was_read(text: str) -> None:
    assert "".join(map(str, pieces(text))) == text
