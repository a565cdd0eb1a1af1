"""What the daemon survives: whatever is killed, stopped or damaged, no slot is lost or counted twice."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from storage import embedded
from support.daemon import (
    SLOTS,
    assert_whole,
    assert_whole_in,
    configuration,
    daemon,
    good,
    nephoscope,
    query,
)
from support.endpoint import Endpoint, endpoint
from support.postgres import place


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    with endpoint() as one:
        yield one


def away_for(seconds: float, served: Endpoint) -> None:
    """Kill a named database that the daemon writes to, bring it back later, and count its slots."""
    with place() as folder:
        server = embedded.Server(Path(folder) / "pg")
        server.start()
        where = make_url(server.url)
        named = (
            f"storage: {{host: {where.query['host']}, database: {where.database}, user: {where.username}}}\n"
        )
        config = configuration(served, "ok") + named
        with daemon(config) as running:
            running.until(lambda: good(running) >= 2, "two good results")
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            running.until(lambda: running.metric("nephoscope_agent_database_up") == 0, "the loss is seen")
            assert running.get("/readyz").status_code == 200, "never unready for the database alone"
            time.sleep(seconds)
            server.start()
            running.until(lambda: running.metric("nephoscope_agent_database_up") == 1, "the database is back")
            assert running.stop() == 0, running.said()
            assert_whole_in(server.url, 2, 1)
        server.stop()


@pytest.mark.heavy
def test_a_database_that_goes_away_and_comes_back_misses_no_slot(served: Endpoint) -> None:
    """The journal grows while Postgres is gone; when it is back everything is stored."""
    away_for(5, served)


@pytest.mark.heavy
def test_a_database_away_for_a_minute_misses_no_slot(served: Endpoint) -> None:
    """As above, for as long as a failover takes."""
    away_for(60, served)


@pytest.mark.heavy
def test_a_killed_embedded_database_is_started_again(served: Endpoint) -> None:
    """The parent watches it as it watches its children."""
    with daemon(configuration(served, "ok")) as running:
        running.until(lambda: good(running) >= 2, "two good results")
        killed = running.postmaster()
        os.kill(killed, signal.SIGKILL)
        running.until(lambda: running.postmaster() != killed, "another postmaster")
        so_far = good(running)
        running.until(lambda: good(running) >= so_far + 2, "probing went on")
        assert running.stop() == 0, running.said()
        assert_whole(running, 2, 1)


@pytest.mark.heavy
def test_a_database_that_hangs_delays_nobody_and_loses_nothing(served: Endpoint) -> None:
    """Stopped, not killed: connections stay open and answer nothing, and probing and /metrics go on."""
    with daemon(configuration(served, "ok")) as running:
        running.until(lambda: good(running) >= 2, "two good results")
        group = running.backends()
        for pid in group:
            os.kill(pid, signal.SIGSTOP)
        try:
            so_far = good(running)
            running.until(lambda: good(running) >= so_far + 4, "four more results while it hangs")
            assert running.metric("nephoscope_agent_runs_skipped_total") == 0
            running.until(lambda: running.metric("nephoscope_agent_database_up") == 0, "it is seen", 90)
        finally:
            for pid in group:
                os.kill(pid, signal.SIGCONT)
        running.until(lambda: running.metric("nephoscope_agent_database_up") == 1, "the database is back")
        assert running.stop() == 0, running.said()
        assert_whole(running, 2, 1)


def test_killing_the_teller_loses_no_slot_and_counts_none_twice(served: Endpoint) -> None:
    """A killed teller replays from its snapshot and positions."""
    with daemon(configuration(served, "ok")) as running:
        running.until(lambda: good(running) >= 3, "three good results")
        running.kill_child("teller")
        running.until(lambda: good(running) >= 6, "six good results")
        counted = good(running)
        running.stop()
        assert_whole(running, 2, 1)
        ((_, stored, _, _),) = query(running, SLOTS)
        assert counted <= stored, "counted something twice"


def test_killing_the_asker_costs_at_most_what_was_in_flight(served: Endpoint) -> None:
    """The slots that fell due while it was gone are asked late, and nothing is refired."""
    with daemon(configuration(served, "ok")) as running:
        running.until(lambda: good(running) >= 3, "three good results")
        running.kill_child("asker")
        so_far = good(running)
        running.until(lambda: good(running) >= so_far + 3, "probing goes on")
        assert running.stop() == 0, running.said()
        ((_, stored, distinct, span_s),) = query(running, SLOTS)
        assert stored == distinct
        assert span_s / 2 + 1 - stored <= 1, "more was lost than the probe in flight"


@pytest.mark.heavy
def test_a_damaged_segment_costs_its_damaged_records_and_says_so(served: Endpoint) -> None:
    """The teller is held back, a record that it has not read is damaged, and all others arrive."""
    with daemon(configuration(served, "ok")) as running:
        running.until(lambda: good(running) >= 2, "two good results")
        teller = running.child("teller")
        os.kill(teller, signal.SIGSTOP)
        (segment,) = (running.state / "journal").glob("good-*")
        seen = segment.stat().st_size
        running.until(lambda: segment.stat().st_size > seen + 1500, "two results that it has not read")
        with segment.open("r+b") as file:
            file.seek(seen + 60)
            file.write(b"\xff" * 20)
        os.kill(teller, signal.SIGCONT)
        running.until(
            lambda: running.metric("nephoscope_agent_results_dropped_total") >= 1, "the loss is counted"
        )
        assert running.stop() == 0, running.said()
        ((_, stored, _, span_s),) = query(running, SLOTS)
        assert span_s / 2 + 1 - stored == 1, "more was lost than the damaged record"


def test_a_second_daemon_on_the_same_state_folder_is_refused(served: Endpoint) -> None:
    """It says who has the folder and what to do; the first goes on."""
    with daemon(configuration(served, "ok")) as running:
        running.until_ready()
        second = nephoscope("run", "-c", str(running.file))
        assert second.returncode == 2
        assert str(running.process.pid) in second.stderr
        assert "state_dir" in second.stderr
        assert running.get("/readyz").status_code == 200


def test_children_end_when_the_parent_is_killed(served: Endpoint) -> None:
    """Nobody probes on unowned, and the embedded server does not stay behind."""
    with daemon(configuration(served, "ok")) as running:
        running.until(lambda: good(running) >= 1, "a good result")
        left = [running.child("asker"), running.child("teller"), running.postmaster()]
        left.append(running.process_of("agent.calibration"))
        running.process.kill()
        running.process.wait()
        running.until_gone(left)


@pytest.mark.heavy
def test_a_state_folder_that_is_moved_away_ends_the_daemon_with_a_sentence(served: Endpoint) -> None:
    """Else it would go on, ready as ever, and keep nothing."""
    with daemon(configuration(served, "ok")) as running:
        running.until(lambda: good(running) >= 1, "a good result")
        running.state.rename(running.home / "elsewhere")
        assert running.process.wait(60) == 1
        assert "was removed under the running daemon" in running.said()
        assert "Traceback" not in running.said()
