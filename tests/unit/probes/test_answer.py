"""How many tokens of an answer are sure."""

import pytest

from probes.answer import Answer
from probes.base import Unit
from probes.result import StreamVerdict


def streamed(*chunks: str, first: int | None = None, reasoned: bool = False, **known: int) -> float | None:
    answer = Answer()
    answer.known |= known
    for nth, chunk in enumerate(chunks):
        answer.note([Unit("output", chunk)], first if nth == 0 else None)
    if reasoned:
        answer.note([Unit("reasoning", "hm")])
    return answer.reading(StreamVerdict.COMPLETE).tokens_streamed


def test_a_token_a_chunk_is_counted() -> None:
    assert streamed(*["word "] * 300, output_tokens=300) == 299


def test_a_first_chunk_that_says_how_many_it_held_is_believed() -> None:
    assert streamed("a" * 90, "b" * 10, first=45, output_tokens=50) == 5


def test_of_a_long_text_the_first_chunks_part_tells_its_tokens() -> None:
    """Five tokens a chunk: the first held a fiftieth of the text, so a fiftieth of the tokens."""
    assert streamed(*["five tokens a chunk! "] * 50, output_tokens=250) == pytest.approx(245)


def test_hidden_reasoning_is_no_part_of_the_stream() -> None:
    chunks = ["five tokens a chunk! "] * 50
    assert streamed(*chunks, output_tokens=1250, reasoning_tokens=1000) == pytest.approx(245)


@pytest.mark.parametrize(
    "unsure",
    [
        {"chunks": ["half of it "] * 2, "output_tokens": 500},
        {"chunks": ["no usage "] * 50},
        {"chunks": ["five tokens a chunk! "] * 50, "output_tokens": 250, "reasoned": True},
        {"chunks": [""] * 50, "output_tokens": 250},
    ],
    ids=["a large first chunk", "no usage", "reasoning that may be a summary", "calls of tools"],
)
def test_what_is_not_sure_is_left_out(unsure: dict[str, object]) -> None:
    chunks = unsure.pop("chunks")
    assert isinstance(chunks, list)
    assert streamed(*chunks, **unsure) is None  # type: ignore[arg-type] # a table of keywords
