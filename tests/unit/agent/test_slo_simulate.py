"""`slo simulate` on the command line: what is asked, what is refused, and what it prints."""

import contextlib
import io
import json
from pathlib import Path

import pytest

from agent import cli, slo_simulate
from agent.errors import ConfigError
from agent.slo.trial import Trouble
from agent.slo_simulate import troubles
from probes.result import EventClass
from storage.memory import MemoryStore
from storage.readings import Withdrawal
from support import weeks
from support.clock import FakeClock
from support.weeks import NOW_NS, fill

FILE = """
vantage: fra-1
state_dir: {state}
models: {{nano: {{class: fast, ids: {{vllm: nano}}}}}}
targets:
  - {{name: openai, provider: vllm, cloud: fra, model: nano, endpoint: "http://127.0.0.1:1"}}
  - {{name: azure, provider: vllm, cloud: ams, model: nano, endpoint: "http://127.0.0.1:1"}}
probes: [{{name: chat, kind: chat, every: 600s}}]
objectives:
  - {{name: available, sli: availability, percent: 99, window: 28d}}
  - {{name: quick, sli: ttft, percent: 99, window: 28d, under: 2s}}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    found = tmp_path / "nephoscope.yaml"
    found.write_text(FILE.format(state=tmp_path / "state"))
    return str(found)


def run(file: str, *words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return cli.main(["slo", "simulate", "-c", file, *words], out, err), out.getvalue(), err.getvalue()


def told(file: str, *words: str) -> dict[str, dict[str, object]]:
    code, out, err = run(file, "--json", *words)
    assert code == 0, err
    return {f"{one['kind']} {one['name']}": one for one in map(json.loads, out.splitlines())}


def test_troubles_are_what_they_say() -> None:
    assert troubles("rate=0.1%") == Trouble(rate=0.001)
    assert troubles("outage=1h, fails=50%, hangs=8s") == Trouble(outage_s=3600.0, fails=0.5, shows_s=8.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("outtage=10m", "did you mean `outage`"),
        ("nothing", "is no trouble"),
        ("rate=0.1", "wants a percentage above 0"),
        ("rate=80%", "up to 50%"),
        ("rate=x%", "wants a percentage"),
        ("outage=10", "write a number and a unit"),
        ("outage=20d", "less than 15d"),
        ("clustered=60s", "says nothing without rate="),
        ("fails=50%", "says nothing without outage="),
    ],
)
def test_troubles_that_say_nothing_are_refused_with_the_remedy(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        troubles(text)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--service", "nanoo"), "there is no such service"),
        (("--objective", "availabel"), "there is no such objective"),
        (("--objective", "quick"), "is on ttft, and services page on availability"),
        (("--percent", "100"), "100 leaves no error budget"),
        (("--percent", "lots"), "--percent lots: `lots` is not a percentage"),
        (("--every", "15"), "`15` is not a duration"),
        (("--every", "0s"), "leaves no time"),
        (("--credibility", "100"), "wants a percent from 50 to 99.999"),
        (("--credibility", "sure"), "wants a percent from 50 to 99.999"),
        (("--months", "0"), "--months 0: write 1 to 1200"),
        (("--history", "7d", "--synthetic", "outage=10m"), "leave one out"),
    ],
)
def test_what_cannot_be_simulated_is_refused(file: str, words: tuple[str, ...], said: str) -> None:
    code, out, err = run(file, *words)
    assert (code, out) == (2, "")
    assert said in err


def test_a_shorter_interval_tells_sooner(file: str) -> None:
    """Both by the same outages: the seed draws them."""
    asked = ("--synthetic", "outage=10m", "--months", "4")
    slow = told(file, *asked, "--every", "60s")["service nano"]["delays_s"]
    fast = told(file, *asked, "--every", "15s")["service nano"]["delays_s"]
    assert isinstance(slow, list)
    assert isinstance(fast, list)
    assert len(slow) == len(fast) == 4
    assert sum(fast) < sum(slow)


def test_the_wait_is_that_of_a_service_that_fails_alone(file: str) -> None:
    text = Path(file).read_text().replace("cloud: ams, model: nano", "cloud: ams, model: other")
    Path(file).write_text(
        text.replace("ids: {vllm: nano}}", "ids: {vllm: nano}}, other: {ids: {vllm: other}}")
    )
    asked = ("--service", "nano", "--synthetic", "outage=1h", "--months", "1", "--every", "30s")
    late, soon = (told(file, *asked, "--after", after)["service nano"]["delays_s"] for after in ("10m", "1m"))
    assert isinstance(late, list)
    assert isinstance(soon, list)
    assert 600 <= late[0] <= 640
    assert 60 <= soon[0] <= 100


def test_the_objective_asked_about_takes_the_place_of_the_services_own(file: str) -> None:
    found = told(file, "--objective", "available", "--percent", "99.9", "--every", "60s", "--months", "1")
    assert {one["objective_ratio"] for one in found.values()} == {0.999}
    own = told(file, "--objective", "available", "--every", "60s", "--months", "1")
    assert {one["objective_ratio"] for one in own.values()} == {0.99}


def test_an_objective_that_cannot_be_measured_at_its_interval_is_told(file: str) -> None:
    code, _, err = run(file, "--percent", "99.99", "--every", "1h", "--months", "1")
    assert code == 0
    assert "note: service nano: " in err
    assert "cannot be measured at this interval" in err


def test_a_rate_that_no_budget_holds_is_told_before_it_is_waited_for(file: str) -> None:
    """Half of the budget says nothing."""
    for rate, said in (("0.5%", False), ("2%", True)):
        code, _, err = run(file, "--months", "1", "--every", "1h", "--synthetic", f"rate={rate}")
        assert code == 0
        assert ("over the 1% that its objective allows" in err) == said


def test_a_gate_that_is_surer_of_itself_tells_of_less(file: str) -> None:
    asked = ("--percent", "99.9", "--every", "60s", "--months", "2", "--synthetic", "rate=0.08%")
    eager, strict = (told(file, *asked, "--credibility", percent) for percent in ("50", "99.9"))
    assert eager["target openai"]["tickets"] > strict["target openai"]["tickets"]  # type: ignore[operator]


def test_the_table_names_the_service_and_what_it_was_asked(file: str) -> None:
    code, out, _ = run(file, "--months", "1", "--every", "60s")
    title, head, first, *_ = out.splitlines()
    assert code == 0
    assert title == "nano: 99 % over 28 d, 2 members every 1 min; in 1 months of 30 days:"
    assert head.startswith("WHO")
    assert first.startswith("service nano")


def test_where_nothing_is_stored_it_says_so_and_exits_with_3(file: str, tmp_path: Path) -> None:
    code, out, err = run(file, "--history", "28d")
    assert (code, out) == (3, "")
    assert "nothing is stored of their members from vantage fra-1 in the last 28d" in err
    assert not (tmp_path / "state").exists()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """Return the made-up week, as the history that is asked."""
    made = MemoryStore()
    fill(made)
    monkeypatch.setattr(slo_simulate, "history_of", lambda _config: contextlib.nullcontext(made))
    monkeypatch.setattr(slo_simulate, "SystemClock", lambda: FakeClock(wall_ns=NOW_NS))
    return made


@pytest.mark.parametrize("more", [(), ("--every", "60s")])
@pytest.mark.usefixtures("store")
def test_what_is_stored_is_replayed(file: str, more: tuple[str, ...]) -> None:
    """Openai's outage of two hours, of which every slot had one confirmation that failed as well."""
    found = told(file, "--history", "14d", *more)
    assert found["target openai"]["tickets"] == 1
    assert (found["service nano"]["pages"], found["service nano"]["missed"]) == (0, None)


@pytest.mark.parametrize("more", [(), ("--every", "60s")])
def test_an_outage_in_maintenance_is_told_to_nobody_by_a_replay_either(
    file: str, store: MemoryStore, more: tuple[str, ...]
) -> None:
    store.amendments.maintain(weeks.maintenance("openai", hours=2))
    found = told(file, "--history", "14d", *more)
    heard = [found[name] for name in ("service nano", "target openai")]
    assert [(one["pages"], one["tickets"]) for one in heard] == [(0, 0), (0, 0)]


def test_a_correction_is_replayed_as_it_is_now(file: str, store: MemoryStore) -> None:
    """What it says was well did not fail, and what it says was bad did: until it is withdrawn."""
    store.amendments.correct(weeks.correction("openai", EventClass.GOOD, hours=2))
    assert told(file, "--history", "14d")["target openai"]["tickets"] == 0
    store.amendments.correct(weeks.correction("azure", EventClass.BAD, hours=2))
    assert told(file, "--history", "14d")["target azure"]["tickets"] == 1
    for nth in (1, 2):
        store.amendments.withdraw(Withdrawal(correction_id=nth, author="ada", reason="no", made_ns=NOW_NS))
    found = told(file, "--history", "14d")
    assert [found[f"target {name}"]["tickets"] for name in ("openai", "azure")] == [1, 0]
