"""Which targets a selector selects, and what is said of one that selects none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.findings import BadValueError
from agent.config.selecting import Either, Having, Selector, View, faults, parse, selects, words

VIEWS: tuple[View, ...] = (
    {"name": "openai", "cloud": "openai", "model": "nano", "class": "fast", "critical": "false"},
    {
        "name": "azure-eu",
        "cloud": "azure",
        "region": "eu",
        "model": "nano",
        "class": "fast",
        "critical": "true",
    },
    {
        "name": "azure-us",
        "cloud": "azure",
        "region": "us",
        "model": "large",
        "class": "slow",
        "critical": "true",
    },
    {"name": "own", "cloud": "self-hosted", "model": "llama", "label.host": "vllm", "critical": "false"},
)


def chosen(value: object) -> list[str]:
    return [view["name"] for view in VIEWS if selects(parse(value), view)]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("all", ["openai", "azure-eu", "azure-us", "own"]),
        ("azure-*", ["azure-eu", "azure-us"]),
        (["own", "azure-?u"], ["azure-eu", "own"]),
        ({"cloud": "azure"}, ["azure-eu", "azure-us"]),
        ({"cloud": "azure", "class": "slow"}, ["azure-us"]),
        ({"class": ["fast", "slow"], "region": "*"}, ["azure-eu", "azure-us"]),
        ({"label.host": "vllm"}, ["own"]),
        ({"critical": True}, ["azure-eu", "azure-us"]),
        ({"not": {"cloud": "azure"}}, ["openai", "own"]),
        ({"cloud": ["azure", "openai"], "not": ["azure-us", {"class": "slow"}]}, ["openai", "azure-eu"]),
        ({"not": {"not": "own"}}, ["own"]),
        ([{"class": "slow"}, "own"], ["azure-us", "own"]),
    ],
)
def test_keys_are_and_a_list_is_or_and_not_leaves_out(value: object, names: list[str]) -> None:
    assert chosen(value) == names
    assert not list(faults(parse(value), VIEWS))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("opnai", "`opnai` selects no target; did you mean `openai`?"),
        ("zzz*", "`zzz*` selects no target; known are azure-eu, azure-us, openai, own"),
        ({"region": "use"}, "`region: use` selects no target; did you mean `us`?"),
        ({"team": "sre"}, "`team: sre` selects no target, for none has a team"),
        ({"label.env": "x"}, "`label.env: x` selects no target, for none has a label.env"),
        ({"not": {"class": "fats"}}, "`class: fats` selects no target; did you mean `fast`?"),
        (
            {"class": "slow", "region": "eu"},
            "selects no target: each part does, but none has all of them; loosen it, or mend a part",
        ),
    ],
)
def test_one_that_selects_nothing_is_told_with_the_nearest_known_value(value: object, told: str) -> None:
    assert list(faults(parse(value), VIEWS)) == [told]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            [],
            "is empty, so it selects nothing; write all, a name, a glob, a list of them, or a map of fields",
        ),
        ({}, "is empty, so it selects nothing"),
        (5, "`5` selects nothing; write all, a name"),
        ("", "selects nothing; write all, a name"),
        ({"regio": "x"}, "selects by `regio`, which no target has; did you mean `region`?"),
        (
            {"label.": "x"},
            "selects by `label.`, which no target has; for a label write label.NAME, else one of name, provider",
        ),
        ({"region": []}, "`region` is an empty list, so it selects nothing; write a value"),
        ({"region": {"a": "b"}}, "a map is no value of `region`; write a text, a glob"),
        ({"not": []}, "is empty, so it selects nothing"),
        ("${NAME}", "a reference may not stand here"),
    ],
)
def test_what_is_no_selector_is_refused(value: object, told: str) -> None:
    with pytest.raises(BadValueError) as caught:
        parse(value)
    assert told in str(caught.value)


def test_a_command_lines_words_are_names_or_fields_and_never_both() -> None:
    assert words("azure-*, own") == parse(["azure-*", "own"])
    assert words("cloud=azure,region=eu,region=us") == parse({"cloud": "azure", "region": ["eu", "us"]})
    with pytest.raises(
        BadValueError, match=r"mixes names \(own\) and fields; write name=own beside the fields"
    ):
        words("own,cloud=azure")


_LEAVES = st.one_of(
    st.sampled_from(["all", "openai", "azure-*", "own", "nothing"]).map(parse),
    st.sampled_from([("class", "fast"), ("region", "eu"), ("cloud", "a*"), ("label.host", "vllm")]).map(
        lambda item: parse({item[0]: item[1]})
    ),
)
SELECTORS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Either(tuple(parts))),
        inner.map(lambda one: Having((), one)),
    ),
    max_leaves=6,
)


def both(one: Selector, other: Selector) -> Selector:
    """Return what both select, said with `not` and lists alone."""
    return Having((), Either((Having((), one), Having((), other))))


@given(SELECTORS, SELECTORS, st.sampled_from(VIEWS))
def test_not_and_or_obey_their_laws(one: Selector, other: Selector, view: View) -> None:
    """A double negation is none, a list is or in any order, and De Morgan holds."""
    assert selects(Having((), Having((), one)), view) == selects(one, view)
    assert selects(Having((), one), view) != selects(one, view)
    assert selects(Either((one, other)), view) == (selects(one, view) or selects(other, view))
    assert selects(Either((one, other)), view) == selects(Either((other, one)), view)
    assert selects(both(one, other), view) == (selects(one, view) and selects(other, view))


@given(
    st.dictionaries(
        st.sampled_from(["class", "region", "cloud", "model"]), st.sampled_from(["fast", "eu", "azure", "*"])
    ),
    SELECTORS,
    st.sampled_from(VIEWS),
)
def test_keys_of_a_map_are_and(fields: dict[str, str], without: Selector, view: View) -> None:
    """A map is what every key selects alone, without what `not` selects."""
    whole = Having(tuple((field, (glob,)) for field, glob in fields.items()), without)
    alone = all(selects(parse({field: glob}), view) for field, glob in fields.items())
    assert selects(whole, view) == (alone and not selects(without, view))


@given(SELECTORS)
def test_what_selects_nothing_always_has_a_fault(selector: Selector) -> None:
    if not any(selects(selector, view) for view in VIEWS):
        assert list(faults(selector, VIEWS))
