"""Nothing that a stranger sends breaks the reading of it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from probes import loose

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(ANYTHING)
def test_every_value_is_of_the_wanted_type_or_empty(value: Any) -> None:
    assert isinstance(loose.string(value), str)
    assert isinstance(loose.mapping(value), dict)
    assert all(isinstance(item, dict) for item in loose.mappings(value))
    assert loose.count(value) is None or 0 <= value < 2**31


@given(st.binary())
def test_bytes_are_json_or_none_and_always_glimpsed(body: bytes) -> None:
    loose.parsed(body)
    assert "\n" not in loose.glimpse(body)


def test_nesting_without_end_is_no_json() -> None:
    assert loose.parsed(b"[" * 1_000_000) is None


@given(st.text(alphabet=st.characters(), max_size=40), st.integers(min_value=0, max_value=30))
def test_cleaned_text_can_be_stored_anywhere(text: str, length: int) -> None:
    cleaned = loose.clean(text, length)
    assert "\x00" not in cleaned
    assert len(cleaned.encode()) <= 4 * length
