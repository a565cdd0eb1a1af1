"""How many entries one with `for` stands for, and what stands in their texts."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.findings import BadValueError
from agent.config.multiplying import AtError, combinations, fill, filled

_VALUES = st.lists(st.sampled_from(["a", "b", "c", "d", 1, 2]), min_size=1, max_size=4, unique=True)
_FOR = st.dictionaries(st.sampled_from(["region", "model", "shard"]), _VALUES, min_size=1, max_size=3)


@st.composite
def _written(draw: st.DrawFn) -> tuple[dict[str, list[Any]], list[dict[str, Any]]]:
    """Return `for`, and an `except` of full or partial maps of it."""
    times = draw(_FOR)
    one = st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in times.items()})
    return times, draw(st.lists(one.filter(bool), max_size=3))


@given(_written())
def test_what_is_made_is_the_product_without_the_excepted(
    written: tuple[dict[str, list[Any]], list[dict[str, Any]]],
) -> None:
    """Counted in another way: an excepted map takes out the product of what it leaves open, each once."""
    times, outs = written
    whole = math.prod(len(values) for values in times.values())
    excepted = {
        tuple(one.items())
        for one in combinations(times, None)
        if any(out.items() <= one.items() for out in outs)
    }
    if len(excepted) == whole:
        with pytest.raises(AtError, match="leaves every combination out"):
            combinations(times, outs)
        return
    made = combinations(times, outs)
    assert len(made) == whole - len(excepted)
    assert not any(out.items() <= one.items() for out in outs for one in made)
    assert len({tuple(one.items()) for one in made}) == len(made)


def test_an_except_may_hold_a_list_of_values() -> None:
    made = combinations(
        {"region": ["eu", "us", "jp"], "model": ["a", "b"]}, [{"region": ["eu", "us"], "model": "b"}]
    )
    assert [tuple(one.values()) for one in made] == [("eu", "a"), ("us", "a"), ("jp", "a"), ("jp", "b")]


@pytest.mark.parametrize(
    ("times", "left_out", "path", "told"),
    [
        ([], None, ("for",), "a map of lists belongs here, as in for: {region: [eastus2, swedencentral]}"),
        ({}, None, ("for",), "a map of lists belongs here"),
        ({"region": "eu"}, None, ("for", "region"), "a list of values belongs here, not `eu`"),
        (
            {"region": []},
            None,
            ("for", "region"),
            "is empty, so nothing would be made; write a list of values",
        ),
        (
            {"region": ["eu", None]},
            None,
            ("for", "region", 1),
            "an empty value is neither a text nor a number",
        ),
        (
            {"on": [True]},
            None,
            ("for", "on", 0),
            "true is neither a text nor a number; put it in quotes",
        ),
        ({"percent": [float("nan")]}, None, ("for", "percent", 0), "`nan` is neither a text nor a number"),
        ({"region": ["eu", "eu"]}, None, ("for", "region", 1), "`eu` stands twice; keep one"),
        ({"a b": ["x"]}, None, ("for", "a b"), "`a b` cannot stand in braces; use letters"),
        (
            {"region": ["eu"]},
            {"region": "eu"},
            ("except",),
            "a list of maps belongs here, not a map; as in except: [",
        ),
        ({"region": ["eu"]}, ["eu"], ("except", 0), "a map of keys of `for` belongs here, not `eu`"),
        (
            {"region": ["eu"]},
            [{"regoin": "eu"}],
            ("except", 0, "regoin"),
            "is no key of `for`; did you mean `region`?",
        ),
        (
            {"region": ["eastus2", "eu"]},
            [{"region": "eastus"}],
            ("except", 0, "region"),
            "`eastus` is no value of region, so nothing is left out; did you mean `eastus2`?",
        ),
        ({"region": ["eu"]}, [{}], ("except", 0), "leaves nothing out, for it is empty"),
        ({"region": ["eu"]}, [{"region": "eu"}], ("except",), "leaves every combination out"),
        (
            {key: list(range(101)) for key in "ab"},
            None,
            ("for",),
            "makes more than 10000 entries; write less",
        ),
    ],
)
def test_a_mistake_is_told_where_it_stands(
    times: Any, left_out: Any, path: tuple[Any, ...], told: str
) -> None:
    with pytest.raises(AtError) as caught:
        combinations(times, left_out)
    assert caught.value.path == path
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("azure-{region}-{shard}", "azure-eu-3"),
        ("{{region}}", "{region}"),
        ("{{{region}}}", "{eu}"),
        ("${KEY}", "${KEY}"),
        ("${KEY_{region}}", "${KEY_eu}"),
        ("${secret:azure/{region}/key}}}", "${secret:azure/eu/key}}"),
        ("$${{region}}", "$${region}"),
        ('{{"a": {shard}}}', '{"a": 3}'),
    ],
)
def test_a_key_in_braces_is_put_in_and_references_stay(text: str, found: str) -> None:
    assert fill(text, {"region": "eu", "shard": 3}) == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "{regoin}",
            "`{regoin}` is no key of `for`; known are {region}; write {{regoin}} for the text itself",
        ),
        ("{x", "a brace stands alone; write {key} with a key of `for`, and {{ or }} for the sign itself"),
        ("x}", "a brace stands alone"),
    ],
)
def test_an_unknown_key_names_the_known_ones(text: str, told: str) -> None:
    with pytest.raises(BadValueError) as caught:
        fill(text, {"region": "eu"})
    assert told in str(caught.value)


@given(st.text(alphabet="ab{}$", max_size=12))
def test_a_text_with_its_braces_doubled_stands_for_itself(text: str) -> None:
    """Where there is no reference: a dollar before a brace would open one."""
    plain = text.replace("$", "")
    assert fill(plain.replace("{", "{{").replace("}", "}}"), {}) == plain


@pytest.mark.parametrize("key", ["credentials", "headers", "proxy"])
def test_what_may_be_a_secret_is_not_quoted(key: str) -> None:
    with pytest.raises(AtError) as caught:
        filled({key: {"x": "sk-{planted}"}}, {"region": "eu"})
    assert caught.value.path == (key, "x")
    assert str(caught.value) == (
        "holds a brace without a key of `for`; known are {region}; write {{ or }} for the sign itself"
    )


def test_texts_are_filled_at_every_depth_and_the_rest_stays() -> None:
    data = {"a": ["{x}", {"b": "{x}-{x}", "{x}": 1}], "c": True, "d": None}
    assert filled(data, {"x": "1"}) == {"a": ["1", {"b": "1-1", "{x}": 1}], "c": True, "d": None}
    with pytest.raises(AtError) as caught:
        filled(data, {"y": "1"})
    assert caught.value.path == ("a", 0)
