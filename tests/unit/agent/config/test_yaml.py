"""YAML as configurations are written in it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config import yaml


def test_words_that_older_yaml_reads_as_something_else_stay_words() -> None:
    """Norway, a time of day, a date and a number with underscores are text."""
    document = yaml.parse("[no, yes, on, 22:30, 2026-11-22, 1_000, 0777, 1e, 0b1, .]")
    assert document.data == ["no", "yes", "on", "22:30", "2026-11-22", "1_000", 777, "1e", "0b1", "."]


def test_core_scalars_are_what_they_look_like() -> None:
    document = yaml.parse(
        "[true, FALSE, ~, null, 5, -3, 0x1F, 0o17, 1.5, .5, 1e3, -.inf, '5', \"no\", !!str 5]"
    )
    assert document.data == [
        True,
        False,
        None,
        None,
        5,
        -3,
        31,
        15,
        1.5,
        0.5,
        1e3,
        float("-inf"),
        "5",
        "no",
        "5",
    ]


def test_an_empty_text_holds_nothing() -> None:
    assert [yaml.parse(text).data for text in ("", "# only a comment\n", "---\n")] == [None, None, None]


def test_every_value_has_its_line() -> None:
    document = yaml.parse("a: 1\nb:\n  - c: x\n    d: >\n      text\n")
    assert {path: document.lines[path] for path in [("a",), ("b",), ("b", 0, "c"), ("b", 0, "d")]} == {
        ("a",): 1,
        ("b",): 2,
        ("b", 0, "c"): 3,
        ("b", 0, "d"): 4,
    }


def test_a_key_said_twice_is_a_fault_that_names_both_lines() -> None:
    document = yaml.parse("a: 1\nb: {c: 1, d: 2,\n c: 3}\na: 2\n")
    assert document.faults == (
        (3, "b.c: said twice, first on line 2; keep one"),
        (4, "a: said twice, first on line 1; keep one"),
    )


def test_an_alias_means_what_its_anchor_held_above_it() -> None:
    """An anchor may be set anew; uses before it keep the older value."""
    document = yaml.parse("a: &x {n: [1]}\nb: *x\nc: &x 2\nd: *x\n")
    assert (document.data, document.faults) == ({"a": {"n": [1]}, "b": {"n": [1]}, "c": 2, "d": 2}, ())


@pytest.mark.parametrize("text", ["a: *x\n", "a: &x [*x]\n", "a: *x\nb: &x 1\n"])
def test_an_alias_without_an_anchor_above_it_is_a_fault(text: str) -> None:
    assert yaml.parse(text).faults == (
        (1, "`*x` names no anchor above it; put it in quotes where a glob is meant"),
    )


def test_aliases_cannot_swell_a_file() -> None:
    """Nine levels of ten uses each would be a thousand million values."""
    bomb = "a0: &a0 [x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
    )
    ((_, sentence),) = yaml.parse(bomb).faults
    assert sentence == "more than 100000 values, aliases counted at each use; write less"


def test_depth_is_bounded() -> None:
    ((_, sentence),) = yaml.parse("[" * 100 + "]" * 100).faults
    assert sentence == "nested deeper than 40 levels; nothing here needs that"


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a:\n  - name: x\n   provider: y\n", 3, "keys of one map start in one column (begun on line 2)"),
        ("a:\n  b: 1\n c: 2\n", 3, "the indentation does not match"),
        ("- a\nb: 1\n", 2, "entries of one list or map start in one column"),
        ("a: b: c\n", 1, "put the value in quotes, or mend the indentation"),
        ("a:\n\t- b\n", 2, "indent with spaces"),
        ("a: @b\n", 1, "put it in quotes"),
        ("a: [1, 2\nb: 3\n", 2, "a list opened with `[` is not closed"),
        ("a: {b: 1\nc: 3\n", 2, "a map opened with `{` is not closed"),
        ("a: 'b\n", 2, "a quote is opened and never closed (begun on line 1)"),
        ("a: 1\nword\n", 3, "every line of a map reads `key: value`"),
        ("a: \x01\n", 1, "save it as UTF-8 text"),
        ("a: 1\n---\nb: 2\n", 2, "a second document begins here"),
        ("<<: {a: 1}\n", 1, "is not part of YAML 1.2; repeat the keys"),
        ("? [a]\n: 1\n", 1, "a key has to be a plain word"),
        ("a: !secret b\n", 1, "the tag `!secret` is not supported"),
        ('a: "\\ud800"\n', 1, "half a character"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line_and_remedy(text: str, line: int, part: str) -> None:
    (fault,) = yaml.parse(text).faults
    assert fault[0] == line
    assert part in fault[1]


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab:-[]{},&*!|>%@`'\"#\n\t ~<?01.e\\xuU\x85\ufeff"))
def test_any_text_is_data_or_a_fault(text: str) -> None:
    """Nothing else comes out of the parser under it."""
    document = yaml.parse(text)
    assert all(line >= 1 and sentence for line, sentence in document.faults)
