"""The configuration changes under the running daemon: good files are taken, bad ones refused whole."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import Daemon, assert_whole, configuration, daemon, good, query
from support.endpoint import Endpoint, endpoint

STATE = "nephoscope_agent_config_last_reload_successful"
TAKEN_AT = "nephoscope_agent_config_last_reload_success_timestamp_seconds"


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    with endpoint() as one:
        yield one


def write(running: Daemon, config: str) -> None:
    """Put another file in the place of the old one, as editors do."""
    filled = config.replace("{state}", str(running.state)).replace("{listen}", f"127.0.0.1:{running.port}")
    new = running.home / "new.yaml"
    new.write_text(filled)
    new.rename(running.file)


def shown(running: Daemon) -> set[str]:
    """Return the targets of which one scrape shows anything at all."""
    page = running.get("/metrics")
    assert page.status_code == 200, page.text
    return {name for name in ("t-ok", "t-models", "t-429") if f'target="{name}"' in page.text}


def probed(running: Daemon, target: str) -> bool:
    return running.metric("nephoscope_probe_results_total", target=target) >= 2


def test_a_changed_file_is_taken_whole_or_refused_whole_while_probing_goes_on(served: Endpoint) -> None:
    """A target goes and one comes; a bad file changes nothing but a metric; a good one mends that."""
    with daemon(configuration(served, "ok", "429")) as running:
        running.until(lambda: good(running) >= 2, "two good results")
        assert running.metric(STATE) == 1
        started_at = running.metric(TAKEN_AT)

        write(running, configuration(served, "ok", "models"))
        seen = [{"t-ok", "t-429"}]

        def come() -> bool:
            seen.append(shown(running))
            return "t-models" in seen[-1]

        running.until(come, "the new target")
        assert all(page in ({"t-ok", "t-429"}, {"t-ok", "t-models"}) for page in seen), "one tick, not two"
        running.until(lambda: probed(running, "t-models"), "the new target is probed")
        taken_at = running.metric(TAKEN_AT)
        assert taken_at > started_at

        write(running, configuration(served, "ok", "429").replace("vantage", "vantgae"))
        running.until(lambda: running.metric(STATE) == 0, "the refusal shows")
        assert running.metric(TAKEN_AT) == taken_at
        assert "did you mean `vantage`" in running.said()
        so_far = good(running)
        running.kill_child("teller")
        running.until(lambda: good(running) >= so_far + 2, "probing goes on")
        assert running.metric(STATE) == 0, "a new teller knows of the refusal"
        assert running.metric(TAKEN_AT) == taken_at
        assert shown(running) == {"t-ok", "t-models"}

        write(running, configuration(served, "ok", "models"))
        running.until(lambda: running.metric(STATE) == 1, "a good file again")
        assert running.metric(TAKEN_AT) > taken_at
        assert running.stop() == 0, running.said()
        assert_whole(running, 2, 3)
        ended = query(
            running,
            "select t.name, valid_to_ns is null from plans p join targets t on t.id = p.target_id order by 1",
        )
        assert ended == [("t-429", False), ("t-models", True), ("t-ok", True)]


@pytest.mark.heavy
def test_a_signal_a_swapped_link_and_two_quick_changes_are_all_followed(served: Endpoint) -> None:
    """The last of the quick ones holds; a crashed asker begins with the plan that holds then."""
    with daemon(configuration(served, "ok")) as running:
        running.until(lambda: good(running) >= 2, "two good results")
        for version in ("one", "two"):
            (running.home / version).mkdir()
        data, link = running.home / "..data", running.home / "..new"
        write(running, configuration(served, "ok", "429"))
        running.file.rename(running.home / "one" / "nephoscope.yaml")
        data.symlink_to("one")
        running.file.symlink_to("..data/nephoscope.yaml")
        os.kill(running.process.pid, signal.SIGHUP)
        running.until(lambda: shown(running) == {"t-ok", "t-429"}, "the signal is followed")

        text = (running.home / "one" / "nephoscope.yaml").read_text()
        swapped = text.replace("t-429", "t-models")
        (running.home / "two" / "nephoscope.yaml").write_text(swapped)
        link.symlink_to("two")
        link.rename(data)
        running.until(lambda: shown(running) == {"t-ok", "t-models"}, "the swapped link is followed")

        write_twice(running, text, swapped.replace("t-models", "t-ok-2"))
        running.until(lambda: '"t-ok-2"' in running.get("/metrics").text, "the last of two changes")
        running.kill_child("asker")
        so_far = good(running)
        running.until(lambda: good(running) >= so_far + 3, "probing goes on")
        assert '"t-ok-2"' in running.get("/metrics").text
        assert running.stop() == 0, running.said()


def write_twice(running: Daemon, first: str, last: str) -> None:
    """Write through the link, twice at once and with a signal between: whatever is read of the first is passing."""
    file = Path(os.path.realpath(running.file))
    file.write_text(first)
    os.kill(running.process.pid, signal.SIGHUP)
    file.write_text(last)


@pytest.mark.heavy
def test_a_secret_that_a_reload_brings_is_found_nowhere(served: Endpoint) -> None:
    """The endpoint echoes it in its refusal; neither child knew it at its start."""
    key = "sk-planted-77aa0c1e5b8d2046"
    with daemon(configuration(served, "ok")) as running:
        running.until(lambda: good(running) >= 1, "a good result")
        planted = running.home / "key"
        planted.write_text(key)
        echo = (
            f'  - {{name: echo, provider: openai, endpoint: "{served.base("401")}", model: m, '
            f'credentials: {{api_key: "${{file:{planted}}}"}}}}\n'
        )
        write(running, configuration(served, "ok") + echo)
        running.until(
            lambda: running.metric("nephoscope_probe_results_total", outcome="config") >= 2, "two refusals"
        )
        assert key not in running.get("/metrics").text
        assert running.stop() == 0, running.said()
        planted.unlink()
        for path in running.home.rglob("*"):
            if path.is_file() and "pginstall" not in str(path):
                assert key.encode() not in path.read_bytes(), f"the key lies in {path}"
