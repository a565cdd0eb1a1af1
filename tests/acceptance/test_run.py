"""`nephoscope run`, the whole daemon: what it leaves in the table, what it shows, how it ends and what it survives."""

import os
import signal
import time
from collections.abc import Iterator

import psycopg
import pytest

from storage import embedded
from support.daemon import Daemon, daemon, nephoscope
from support.endpoint import Endpoint, endpoint
from support.llm import real_model

PROBES = "probes: [{name: chat, every: 2s, first_token: 1s, stall: 1s, timeout: 2s}]"
FEED = """
vantage: test
state_dir: {state}
export: {listen: "{listen}"}
"""


def configuration(served: Endpoint, *modes: str, probes: str = PROBES) -> str:
    targets = "\n".join(
        f'  - {{name: "t-{mode}", provider: openai-compatible, endpoint: "{served.base(mode)}", model: tiny-1}}'
        for mode in modes
    )
    return f"{FEED}{probes}\ntargets:\n{targets}\n"


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    with endpoint() as one:
        yield one


def query(running: Daemon, sql: str) -> list[tuple[object, ...]]:
    """Ask the daemon's own database, once the daemon has ended and it was started again for us."""
    server = embedded.Server(running.state / "postgres")
    server.start()
    try:
        with psycopg.connect(server.url.replace("postgresql+psycopg", "postgresql")) as connection:
            return connection.execute(sql).fetchall()
    finally:
        server.stop()


SLOTS = """
    select t.name, count(*), count(distinct r.scheduled_at),
           extract(epoch from max(r.scheduled_at) - min(r.scheduled_at))
    from results r join targets t on t.id = r.target_id where r.attempt = 0 group by 1 order by 1
"""


def assert_whole(running: Daemon, every_s: float, targets: int) -> None:
    """Assert that every slot between the first and the last is there once."""
    rows = query(running, SLOTS)
    assert len(rows) == targets
    for name, count, distinct, span in rows:
        assert count == distinct, f"{name}: some slot twice"
        assert float(str(span)) == (int(str(count)) - 1) * every_s, f"{name}: some slot missing"


def test_a_run_leaves_exactly_the_slots_of_its_plan_and_ends_clean(served: Endpoint) -> None:
    """Twelve seconds at one probe in two seconds, then SIGTERM: no slot missing, none twice, exit 0."""
    with daemon(configuration(served, "ok", "503")) as running:
        running.until_ready()
        running.until(
            lambda: running.metric("nephoscope_probe_results_total", target="t-ok", outcome="ok") >= 6,
            "six good results",
        )
        assert running.stop() == 0, running.said()
        assert_whole(running, 2.0, 2)
        plan = query(running, "select every_ns, phase_ns, valid_from, valid_to from plans")
        assert len(plan) == 2
        assert all(row[3] is None for row in plan), (
            "a stop must not end the plan: what follows is missing, not unplanned"
        )


def test_each_slot_is_one_request(served: Endpoint) -> None:
    """The endpoint is asked once a slot: no retry hides a failure, no probe eats the quota."""
    before = served.asked["ok"]
    with daemon(configuration(served, "ok")) as running:
        running.until(
            lambda: running.metric("nephoscope_probe_results_total", outcome="ok") >= 3, "three good results"
        )
        running.stop()
        ((_, count, _, _),) = query(running, SLOTS)
        assert served.asked["ok"] - before == count


def test_killing_the_database_in_mid_run_loses_no_slot(served: Endpoint) -> None:
    """The journal grows while Postgres is gone; when it is back everything is stored."""
    with daemon(configuration(served, "ok")) as running:
        running.until(
            lambda: running.metric("nephoscope_probe_results_total", outcome="ok") >= 2, "two good results"
        )
        pid = int((running.state / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        running.until(lambda: running.metric("nephoscope_agent_database_up") == 0, "the loss is seen")
        running.until(lambda: running.metric("nephoscope_agent_database_up") == 1, "the database is back", 90)
        so_far = running.metric("nephoscope_probe_results_total", outcome="ok")
        running.until(
            lambda: running.metric("nephoscope_probe_results_total", outcome="ok") >= so_far + 2,
            "probing went on",
        )
        assert running.stop() == 0, running.said()
        assert_whole(running, 2.0, 1)


def test_killing_the_teller_loses_no_slot_and_counts_none_twice(served: Endpoint) -> None:
    """A killed teller replays from its snapshot and positions."""
    with daemon(configuration(served, "ok")) as running:
        running.until(
            lambda: running.metric("nephoscope_probe_results_total", outcome="ok") >= 3, "three good results"
        )
        running.kill_child("teller")
        running.until(
            lambda: running.metric("nephoscope_probe_results_total", outcome="ok") >= 6, "six good results"
        )
        running.stop()
        counted = running.said()
        ((_, count, distinct, span),) = query(running, SLOTS)
        assert count == distinct, counted
        assert float(str(span)) == (int(str(count)) - 1) * 2.0, counted


def test_killing_the_asker_costs_at_most_what_was_in_flight(served: Endpoint) -> None:
    """The slots that fell due while it was gone are asked late, and nothing is refired."""
    with daemon(configuration(served, "ok")) as running:
        running.until(
            lambda: running.metric("nephoscope_probe_results_total", outcome="ok") >= 3, "three good results"
        )
        running.kill_child("asker")
        so_far = running.metric("nephoscope_probe_results_total", outcome="ok")
        running.until(
            lambda: running.metric("nephoscope_probe_results_total", outcome="ok") >= so_far + 3,
            "probing goes on",
        )
        assert running.stop() == 0, running.said()
        ((_, count, distinct, span),) = query(running, SLOTS)
        assert count == distinct
        due = float(str(span)) / 2.0 + 1
        assert due - int(str(count)) <= 1, "more was lost than the probe in flight"


def test_a_second_daemon_on_the_same_state_folder_is_refused(served: Endpoint) -> None:
    """It says who has the folder and what to do; the first goes on."""
    with daemon(configuration(served, "ok")) as running:
        running.until_ready()
        second = nephoscope("run", "-c", str(running.file))
        assert second.returncode == 2
        assert str(running.process.pid) in second.stderr
        assert "state_dir" in second.stderr
        assert running.get("/readyz").status_code == 200


def test_a_planted_key_is_found_nowhere(served: Endpoint) -> None:
    """Not in logs, rows, metrics, the journal or the stored plan, although the endpoint echoes it."""
    key = "sk-planted-3f9a7c1e5b8d2046"
    targets = f"""
targets:
  - {{name: echo, provider: openai, endpoint: "{served.base("401")}", model: m, credentials: {{api_key: "${{PLANTED}}"}}}}
"""
    with daemon(FEED + PROBES + targets, env={"PLANTED": key}) as running:
        running.until(
            lambda: running.metric("nephoscope_probe_results_total", outcome="config") >= 2, "two refusals"
        )
        shown = running.get("/metrics", headers={"accept": "application/openmetrics-text"}).text
        running.stop()
        assert key not in shown
        assert served.asked["401"] >= 2
        for path in running.home.rglob("*"):
            if path.is_file() and "pginstall" not in str(path):
                assert key.encode() not in path.read_bytes(), f"the key lies in {path}"


def test_the_whole_way_with_a_real_model() -> None:
    """llama.cpp's server, the daemon, Postgres, /metrics with exemplars, /readyz: nothing of ours is simulated."""
    probes = "probes: [{name: chat, every: 3s, max_tokens: 16, first_token: 10s, timeout: 20s}]"
    with real_model() as base:
        targets = (
            f'targets: [{{name: llama, provider: openai-compatible, endpoint: "{base}/v1", model: smollm2}}]'
        )
        with daemon(f"{FEED}{probes}\n{targets}\n") as running:
            running.until_ready()
            running.until(
                lambda: running.metric("nephoscope_probe_results_total", outcome="ok") >= 2, "two answers"
            )
            text = running.get(
                "/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"}
            ).text
            assert "nephoscope_probe_ttft_seconds_bucket" in text
            assert "trace_id=" in text, "no exemplar"
            assert running.metric("nephoscope_sli_events_total", result="good") >= 2
            assert running.get("/healthz").status_code == 200
            assert running.stop() == 0
            assert_whole(running, 3.0, 1)


@pytest.mark.heavy
def test_two_minutes_leave_exactly_the_slots_of_the_plan(served: Endpoint) -> None:
    """Ten targets every two seconds for two minutes: none missing, none twice."""
    modes = ("ok", "503", "401", "cut", "hang")
    with daemon(configuration(served, *modes)) as running:
        running.until_ready()
        time.sleep(120)
        assert running.stop() == 0
        assert_whole(running, 2.0, len(modes))
