"""What docs/probes.md says of kinds, tokens and intervals is what the code does."""

import re
from pathlib import Path

import pytest

from agent.config.kinds import USUAL
from agent.costs import expected
from exporters import durations
from probes import tasks
from probes.target import KINDS, Kind, Workload
from support.asking import a_target
from support.configuration import loaded

PAGE = (Path(__file__).parents[2] / "docs" / "probes.md").read_text()
ROWS = {kind: cells for kind, *cells in re.findall(r"^\| `([\w-]+)` \|(.*)\|(.*)\|(.*)\|(.*)\|$", PAGE, re.MULTILINE)}  # fmt: skip


def test_every_kind_has_a_row() -> None:
    assert set(ROWS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_row_of_a_kind_says_what_it_takes(kind: Kind) -> None:
    *_, every, tokens = ROWS[kind]
    usual = USUAL[kind]
    assert durations.read(every.replace(" min", "m").replace(" ", "")) == usual.every_s
    prompt = tasks.PROMPTS[kind]
    asked = Workload(name="w", kind=kind, prompt=prompt, max_tokens=usual.max_tokens)
    use = expected(a_target(), asked)
    told = [int(number.replace(",", "")) for number in re.findall(r"[\d,]+(?= in| out)", tokens)]
    if kind == "models":
        assert told == []
    else:
        assert told[0] == pytest.approx(use.input_tokens, rel=0.15)
        assert told[1:] == ([usual.max_tokens] if asked.generates else [])


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_each_configuration_is_one(text: str) -> None:
    assert loaded(text).config.probes
