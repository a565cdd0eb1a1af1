"""What each kind of probe puts to a model."""

import pytest

from probes import shapes, tasks
from probes.target import KINDS, Kind, Workload


def long_context(tokens: int, nonce: str = "n0") -> str:
    asked = Workload(
        name="w", kind="long-context", prompt_tokens=tokens, prompt=tasks.PROMPTS["long-context"]
    )
    return tasks.prompt(asked, nonce)


@pytest.mark.parametrize("kind", KINDS)
def test_the_nonce_comes_first_whatever_the_kind(kind: Kind) -> None:
    """A cache of prompts goes by their beginning."""
    assert tasks.prompt(Workload(name="w", kind=kind), "n0").startswith("[n0] ")


@pytest.mark.parametrize("tokens", [100, 8000, 200_000])
def test_a_long_text_has_its_length_its_needle_once_and_the_question_last(tokens: int) -> None:
    text = long_context(tokens)
    assert len(text) / tokens == pytest.approx(3.6, rel=0.1) or tokens == 100
    assert text.count(tasks.NEEDLE) == 1
    assert text.index(tasks.NEEDLE) < len(text) * 0.6
    assert text.endswith(tasks.PROMPTS["long-context"])


def test_a_long_text_is_the_same_each_time_but_for_its_nonce() -> None:
    assert long_context(8000, "a1") == long_context(8000, "b2").replace("[b2]", "[a1]")
    assert tasks._annals(8000) is tasks._annals(8000)


def test_no_sentence_of_a_long_text_comes_twice() -> None:
    """What repeats itself is cheap to read for a cache of blocks."""
    sentences = long_context(20_000).split(". ")
    assert len(sentences) == len(set(sentences))


def test_what_is_put_to_a_model_is_counted_with_its_schema() -> None:
    plain = tasks.size(Workload(name="w", prompt="x" * 100))
    assert plain == 100
    assert tasks.size(Workload(name="w", kind="tools", prompt="x" * 100)) > plain + 200
    assert tasks.size(Workload(name="w", kind="json", prompt="x" * 100, schema={})) == plain + 2


def test_our_own_schema_is_a_schema() -> None:
    assert shapes.schema_fault(tasks.SCHEMA) is None
