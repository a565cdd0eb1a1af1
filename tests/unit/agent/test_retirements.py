"""What public tables say of a retirement is told thirty days ahead, and from the day on."""

import dataclasses
import functools
import io
import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from agent import retirements
from agent.cli import main
from agent.config.context import Context
from agent.retirements import Retirement, due, of
from probes.target import Target
from support.configuration import findings, loaded

AZURE = Target(
    name="t", provider="azure", cloud="azure", model="old", model_id="old-prod", group="t",
    endpoint="https://bank.openai.azure.com", api_version="2023-07-01-preview",
)  # fmt: skip
DAY = date(2026, 12, 11)


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    models = {"azure": {"old": DAY}, "openai": {"older": date(2026, 1, 31)}, "vertex": {"gem-1": DAY}}
    versions = {"azure": {"2023-07-01-preview": date(2024, 7, 1)}}
    known = {"models": ("a table", models), "api_versions": ("Microsoft", versions)}
    monkeypatch.setattr(retirements, "_table", lambda: known)


def on(day: date, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read configurations as on a day."""
    monkeypatch.setattr("agent.config.read.Context", functools.partial(Context, today=day))


@pytest.mark.parametrize(("before", "told"), [(31, False), (30, True), (1, True), (0, True), (-400, True)])
def test_it_is_told_from_thirty_days_ahead_on(before: int, told: bool) -> None:  # noqa: FBT001 - a table
    target = dataclasses.replace(AZURE, api_version=None)
    assert [one.name for one in due(target, DAY - timedelta(days=before))] == ["old"] * told


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["old", "2023-07-01-preview"]),
        ({"model": "nobody", "model_id": "old"}, ["old", "2023-07-01-preview"]),
        ({"api_version": "2024-10-21"}, ["old"]),
        ({"provider": "openai", "api_version": None}, []),
        ({"provider": "vertex", "model_id": "google/gem-1", "api_version": None}, ["gem-1"]),
        ({"provider": "vllm", "api_version": None}, []),
        ({"endpoint": "https://bank.openai.azure.us"}, []),
        ({"endpoint": "https://apim.bank", "region": "us-gov-west-1"}, []),
        ({"simulated": True}, []),
    ],
)
def test_who_retires_what_is_the_sellers_own_matter(changes: dict[str, object], names: list[str]) -> None:
    """Sovereign clouds have calendars of their own, and a simulation has none."""
    assert [one.name for one in of(dataclasses.replace(AZURE, **changes))] == names  # type: ignore[arg-type]


def test_what_others_call_a_deployments_model_counts_too() -> None:
    target = dataclasses.replace(AZURE, model="mine", api_version=None)
    assert list(of(target)) == []
    assert [one.name for one in of(target, ["gpt", "old"])] == ["old"]


TEXT = (
    "targets: [{name: t, provider: azure, model: old, id: old-prod, endpoint: https://bank.openai.azure.com, "
    'api_version: 2023-07-01-preview, credentials: {api_key: "${OPENAI_API_KEY}"}}]'
)


def test_check_tells_both_and_strict_does_not_mind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that was in order stays so: CI must not turn red because a day has passed."""
    on(DAY - timedelta(days=13), monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", "planted-0123456789")
    file, out = tmp_path / "n.yaml", io.StringIO()
    file.write_text(TEXT)
    assert main(["check", "--strict", "-c", str(file)], out, io.StringIO()) == 0
    version, model = (line for line in out.getvalue().splitlines() if line.startswith("warning: "))
    assert model.endswith(
        "targets[0].model: `old` is to be retired on 2026-12-11, in 13 days (a table); move to another, and compare "
        "the two before"
    )
    assert version.endswith(
        "targets[0].api_version: `2023-07-01-preview` is retired since 2024-07-01 (Microsoft); move to another"
    )
    out = io.StringIO()
    assert main(["check", "--json", "-c", str(file)], out, io.StringIO()) == 0
    facts = json.loads(out.getvalue())
    assert (len(facts["reminders"]), facts["warnings"]) == (2, [])
    assert facts["targets"][0]["retirements"][0] == {
        "key": "model", "name": "old", "day": "2026-12-11", "source": "a table",
    }  # fmt: skip


def test_nothing_is_told_that_is_far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    on(DAY - timedelta(days=31), monkeypatch)
    assert loaded(TEXT.replace("api_version: 2023-07-01-preview, ", "")).reminders == ()


def test_no_retirement_makes_a_file_unusable(monkeypatch: pytest.MonkeyPatch) -> None:
    on(DAY + timedelta(days=400), monkeypatch)
    assert findings(TEXT) == []
    assert [one.partition(": ")[2].split(":")[0] for one in loaded(TEXT).reminders] == [
        "targets[0].api_version", "targets[0].model",
    ]  # fmt: skip


def test_a_sentence_says_tomorrow() -> None:
    one = Retirement("model", "m", DAY, "a table")
    assert "2026-12-11, tomorrow (a table)" in one.told(DAY - timedelta(days=1))
