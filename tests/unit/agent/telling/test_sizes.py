"""The number of series, held to what a page really renders."""

import pytest

from agent.config.model import Config
from agent.telling import sizes
from agent.telling.series import series_plan
from agent.telling.sizes import series_count
from exporters import conventions
from exporters.metrics import Metrics
from support.configuration import LOCAL, OPENAI, loaded

PLANS = {
    "one local target": f"targets: [{LOCAL}]",
    "priced, over TLS, three kinds and slices": f"""
targets: [{LOCAL}, {OPENAI}]
probes: [{{name: chat}}, {{name: whole, kind: chat-sync}}, {{name: list, kind: models}}]
objectives:
  - {{name: available, sli: availability, percent: 99.9}}
  - {{name: quick, sli: ttft, percent: 99, under: 1234ms, probes: [chat]}}
  - {{name: sliced, sli: availability, percent: 99, method: {{timeslices: 5m, percent: 95}}, probes: [chat]}}
networks: {{internet: {{witnesses: [{{tls: "h:1"}}, {{dns: h}}]}}}}
alerts: {{heartbeat: {{url: "http://127.0.0.1:1/beat"}}}}
budget: {{usd_per_day: 1000, tokens_per_day: 20000000, per: {{target: 900}}}}
""",
}


def lines(page: Metrics) -> list[str]:
    return [line for line in page.render()[1].decode().splitlines() if not line.startswith("#")]


@pytest.fixture(params=list(PLANS.values()), ids=list(PLANS))
def config(request: pytest.FixtureRequest) -> Config:
    return loaded(request.param).config


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[Metrics]:
    """Return the pages that are made for counting, as they come to be."""
    made: list[Metrics] = []

    def noted(version: str) -> Metrics:
        made.append(Metrics(version))
        return made[-1]

    monkeypatch.setattr(sizes, "Metrics", noted)
    return made


def test_from_the_start_it_is_what_a_page_renders_that_has_seen_no_answer(config: Config) -> None:
    page = Metrics("1")
    page.plan(series_plan(config))
    page.reloaded(1, taken=True)
    assert series_count(config).start == len(lines(page))


def test_at_most_it_is_what_a_page_renders_that_was_told_everything(
    config: Config, pages: list[Metrics]
) -> None:
    assert series_count(config).most == len(lines(pages[0]))


def test_what_a_plan_cannot_bring_is_not_counted() -> None:
    """A price brings a cost, TLS a certificate and its phase; a list of models brings no token."""
    local = series_count(loaded(f"targets: [{LOCAL}]").config)
    priced = series_count(
        loaded(f"targets: [{LOCAL.replace('}', ', price: {input: 1, output: 1}}')}]").config
    )
    secure = series_count(loaded(f"targets: [{LOCAL.replace('http:', 'https:')}]").config)
    assert (priced.most - local.most, secure.most - local.most) == (1, 3)
    assert priced.start == secure.start == local.start


def test_every_family_is_counted_but_those_of_our_own_troubles(pages: list[Metrics]) -> None:
    """A new family belongs either into `agent/telling/sizes.py`, which tells a page of it, or into this list."""
    series_count(loaded(PLANS["priced, over TLS, three kinds and slices"]).config)
    shown = {line.partition("{")[0].split()[0] for line in lines(pages[0])}
    absent = {name for name in conventions.FAMILIES if not shown & {name, f"{name}_bucket", f"{name}_count"}}
    assert absent == {
        conventions.PROBE_UNTRUSTED.name,
        conventions.JOURNAL_DROPPED.name,
        conventions.RESULTS_DROPPED.name,
        conventions.SPANS_DROPPED.name,
    }
