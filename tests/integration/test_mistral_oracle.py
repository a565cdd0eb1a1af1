"""Each recorded stream of Mistral's says to its own library what it says to us."""

import base64
import pathlib

import pytest

from probes import catalog
from probes.base import Unit
from probes.target import Workload
from support.oracles import consult, needs

pytestmark = [pytest.mark.heavy, needs("mistralai")]

STREAMS = pathlib.Path(__file__).parents[1] / "streams"
BODIES = {path.stem: path.read_bytes() for path in sorted(STREAMS.glob("mistral*.sse"))}


@pytest.mark.parametrize("cut", [11, 1 << 20])
def test_chat_completions_say_the_same_to_both(cut: int) -> None:
    """Text, thoughts, tools, usage, and why it ended: by an error too, which is no exception there."""
    workload = Workload(name="chat")
    dialect = catalog.PROVIDERS["mistral"].api(None, None).calls["chat"].dialect
    questions = [{"body": base64.b64encode(body).decode(), "cut": cut} for body in BODIES.values()]
    for (name, body), said in zip(BODIES.items(), consult("mistralai", questions), strict=True):
        reader = dialect.read(workload, {}, 1 << 20)
        units: list[Unit] = list(reader.feed(body))
        reading = reader.finish(closed=True)
        assert said == {
            "text": reading.text,
            "reasoning": "".join(unit.text for unit in units if unit.kind == "reasoning"),
            "finish": reading.finish_reason,
            "usage": said["usage"],
            "calls": [list(call) for call in reading.calls],
            "model": reading.response_model,
        }, name
        assert (
            said["usage"].get("prompt_tokens"),
            said["usage"].get("completion_tokens"),
            said["usage"].get("service_tier"),
        ) == (reading.input_tokens, reading.output_tokens, reading.service_tier), name
