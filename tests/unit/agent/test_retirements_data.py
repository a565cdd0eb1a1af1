"""The shipped tables of retirements name their sources, and are what the public ones say."""

import json
from datetime import date
from pathlib import Path

import pytest

from agent import offers, retirements
from agent.retirements import of
from probes.target import Target
from support import price_map


def test_they_name_their_sources_and_hold_days() -> None:
    found = retirements._table()
    assert {name: bool(source) for name, (source, _) in found.items()} == {
        "models": True, "api_versions": True,
    }  # fmt: skip
    assert set(found["models"][1]) <= {*price_map.SELLERS.values(), "vertex"}
    assert found["models"][1]["deepseek"]["deepseek-chat"] == date(2026, 7, 24)
    assert found["api_versions"][1]["azure"]["2023-12-01-preview"] == date(2024, 7, 1)


def test_no_example_of_init_is_retired_within_the_year_of_the_tables() -> None:
    """Or a newcomer's first probe would be refused."""
    for name, example in offers.EXAMPLES.items():
        target = Target(
            name="t",
            provider=name,
            cloud=name,
            model=example.model,
            model_id=example.model,
            group="t",
            endpoint="",
        )
        assert [one for one in of(target) if one.day < date(2026, 12, 31)] == [], name


@pytest.mark.heavy
def test_they_are_what_the_price_table_says() -> None:
    folder = Path(__file__).parents[3] / ".parts" / "litellm"
    if not (folder / "bin" / "python").exists():
        pytest.skip("LiteLLM is not installed; `make test-all` does")
    file = Path(retirements.__file__).with_suffix(".json")
    assert json.loads(file.read_text()) == price_map.collected(folder), (
        "make them anew: cd tests && python -m support.price_map ../.parts/litellm > ../agent/retirements.json"
    )
