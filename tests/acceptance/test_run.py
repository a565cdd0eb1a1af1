"""`nephoscope run`, the whole daemon: what it leaves in the table, what it shows and exports, how it ends."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import FEED, PROBES, SLOTS, assert_whole, configuration, daemon, good, nephoscope, query
from support.endpoint import Endpoint, endpoint
from support.llm import free_port, real_model
from support.mounted import Mounted
from support.otlp import grpc_collector, http_collector
from support.prometheus import prometheus, promtool

OPENMETRICS = {"accept": "application/openmetrics-text; version=1.0.0"}


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    with endpoint() as one:
        yield one


def test_a_run_leaves_exactly_the_slots_of_its_plan_and_ends_clean(served: Endpoint) -> None:
    """One probe in two seconds, then SIGTERM: no slot missing, none twice, one request each, exit 0."""
    before = served.asked["ok"]
    with daemon(configuration(served, "ok", "503")) as running:
        running.until_ready()
        running.until(lambda: good(running) >= 6, "six good results")
        running.until(
            lambda: "trace_id=" in running.get("/metrics", headers=OPENMETRICS).text, "an exemplar", 180
        )
        assert running.stop() == 0, running.said()
        assert_whole(running, 2, 2)
        plan = query(running, "select valid_to_ns from plans")
        assert plan == [(None,), (None,)], "a stop must not end the plan: what follows it is missing"
        by_name = {name: stored for name, stored, _, _ in query(running, SLOTS)}
        assert served.asked["ok"] - before == by_name["t-ok"], "one request a slot, no retries"


@pytest.mark.heavy
def test_a_confirmed_failure_that_a_server_answered_is_not_ours_and_counts_as_bad(served: Endpoint) -> None:
    """Three confirmations over ten seconds, all bad; they enter neither the SLI nor the outcome counter."""
    probes = "probes: [{name: chat, every: 5s, first_token: 1s, timeout: 2s}]"
    with daemon(configuration(served, "503", probes=probes)) as running:
        running.until(
            lambda: running.metric("nephoscope_sli_events_total", result="bad", objective="available") >= 1,
            "a settled failure",
        )
        assert running.metric("nephoscope_target_state", state="down") == 1
        assert running.stop() == 0, running.said()
        first = "scheduled_at = (select min(scheduled_at) from results)"
        attempts = query(running, f"select attempt, outcome from results where {first} order by 1")
        assert attempts == [(number, "overloaded") for number in range(4)]
        ((*verdict,),) = query(
            running, f"select fault, confirmations, confirmations_bad from verdicts where {first}"
        )
        assert verdict == ["not_ours", 3, 3]


@pytest.mark.heavy
def test_a_planted_key_is_found_nowhere(served: Endpoint) -> None:
    """Not in logs, rows, metrics, spans, the journal or the stored plan, although the endpoint echoes it."""
    key, mounted, rotated = (f"sk-planted-3f9a7c1e5b8d{end}" for end in ("2046", "5a11", "7e33"))
    targets = f"""
secrets: {{dir: secrets}}
targets:
  - {{name: echo, provider: openai, endpoint: "{served.base("401")}", model: m, credentials: {{api_key: "${{PLANTED}}"}}}}
  - {{name: mounted, provider: openai, endpoint: "{served.base("401")}", model: m, credentials: {{api_key: "${{secret:echo/key}}"}}}}
"""
    with http_collector() as collector:
        otlp = f'export: {{listen: "{{listen}}", otlp: {{endpoint: "{collector.endpoint}", protocol: http/protobuf}}}}'
        config = FEED.replace('export: {listen: "{listen}"}', otlp) + PROBES + targets
        with daemon(
            config, env={"PLANTED": key}, prepare=lambda home: Mounted(home / "secrets/echo", key=mounted)
        ) as running:

            def refused() -> float:
                return running.metric("nephoscope_probe_results_total", outcome="config", target="mounted")

            running.until(lambda: refused() >= 2, "two refusals")
            Mounted.of(running.home / "secrets/echo").swap(key=rotated)
            before = refused()
            running.until(lambda: refused() >= before + 2, "two refusals of the rotated key")
            shown = running.get("/metrics", headers=OPENMETRICS).text
            running.stop()
            shown += repr([span.attributes for span in collector.spans])
            left = [
                path
                for path in running.home.rglob("*")
                if path.is_file()
                and "pginstall" not in str(path)
                and running.home / "secrets" not in path.parents
            ]
            assert any(path.parent.name == "config" for path in left), "the plan was looked through"
            for planted in (key, mounted, rotated):
                assert planted not in shown
                for path in left:
                    assert planted.encode() not in path.read_bytes(), f"a key lies in {path}"


@pytest.mark.heavy
def test_a_secret_that_is_rotated_is_used_without_a_restart(served: Endpoint) -> None:
    """The mounted folder is swapped, and from then on the endpoint takes the new key alone: no row turns bad."""
    targets = f"""
secrets: {{dir: secrets}}
targets:
  - {{name: keyed, provider: openai, endpoint: "{served.base("keyed")}", model: m, credentials: {{api_key: "${{secret:openai/api_key}}"}}}}
"""
    first, second = "sk-first-0123456789", "sk-second-0123456789"
    served.accepted = frozenset({first})
    with daemon(
        FEED + PROBES + targets,
        prepare=lambda home: Mounted(home / "secrets/openai", api_key=first),
    ) as running:
        running.until(lambda: good(running) >= 2, "answers by the first key")
        asker = running.child("asker")
        served.accepted = frozenset({first, second})
        Mounted.of(running.home / "secrets/openai").swap(api_key=f"{second}\n")
        served.accepted = frozenset({second})
        before = good(running)
        running.until(lambda: good(running) >= before + 3, "answers by the second key")
        assert running.child("asker") == asker, "nothing was started again"
        assert running.stop() == 0, running.said()
        outcomes = query(running, "select outcome, count(*) from results group by 1")
        assert [outcome for outcome, _ in outcomes] == ["ok"], (outcomes, served.refused)


def test_the_whole_way_with_a_real_model() -> None:
    """llama.cpp's server, the daemon, Postgres, /metrics, spans over gRPC: nothing is simulated."""
    probes = "probes: [{name: chat, every: 4s, max_tokens: 16, first_token: 20s, timeout: 30s}]"
    with real_model() as base, grpc_collector() as collector:
        targets = (
            f'targets: [{{name: llama, provider: openai-compatible, endpoint: "{base}/v1", model: smollm2}}]'
        )
        otlp = f'export: {{listen: "{{listen}}", otlp: {{endpoint: "{collector.endpoint}"}}}}'
        config = FEED.replace('export: {listen: "{listen}"}', otlp)
        with daemon(f"{config}{probes}\n{targets}\n") as running:
            running.until_ready()
            running.until(lambda: good(running) >= 2, "two answers")
            running.until(
                lambda: "trace_id=" in running.get("/metrics", headers=OPENMETRICS).text, "an exemplar"
            )
            assert running.metric("nephoscope_sli_events_total", result="good", objective="available") >= 2
            assert running.get("/healthz").status_code == 200
            assert running.stop() == 0, running.said()
            assert_whole(running, 4, 1)
            ids = {row[0].hex for row in query(running, "select id from results")}
        roots = [span for span in collector.spans if span.name.startswith("chat ")]
        assert roots
        assert {span.trace_id.hex() for span in roots} <= ids, "a trace's id is its result's"
        assert "gen_ai.client.operation.duration" in collector.metrics


def test_a_listener_that_is_taken_ends_the_daemon_with_a_sentence(served: Endpoint) -> None:
    """Not a restart loop: a setting is at fault, and it is named."""
    with daemon(configuration(served, "ok")) as running:
        running.until_ready()
        other = running.file.read_text().replace(str(running.state), str(running.home / "other"))
        (running.home / "other.yaml").write_text(other)
        second = nephoscope("run", "-c", str(running.home / "other.yaml"))
        assert second.returncode == 2
        assert str(running.port) in second.stderr
        assert "Traceback" not in second.stderr


@pytest.mark.heavy
def test_two_minutes_leave_exactly_the_slots_of_the_plan(served: Endpoint) -> None:
    """Five targets every two seconds for two minutes: none missing, none twice."""
    modes = ("ok", "503", "401", "cut", "hang")
    with daemon(configuration(served, *modes)) as running:
        running.until_ready()
        time.sleep(120)
        assert running.stop() == 0
        assert_whole(running, 2, len(modes))


@pytest.mark.heavy
def test_a_real_prometheus_scrapes_the_daemon_and_loads_its_rules(served: Endpoint, tmp_path: Path) -> None:
    """Exemplars and all; the recorded series of an SLO come from what the daemon counted."""
    with daemon(configuration(served, "ok")) as running:
        running.until(lambda: good(running) >= 2, "two good results")
        rules = nephoscope("rules", "-c", str(running.file))
        assert rules.returncode == 0, rules.stderr
        (tmp_path / "rules.yaml").write_text(rules.stdout)
        promtool("check", "rules", "rules.yaml", cwd=tmp_path)
        checked = subprocess.run(
            ["promtool", "check", "metrics"],
            input=running.get("/metrics").text,
            text=True,
            capture_output=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
        with prometheus(tmp_path, running.port, free_port()) as server:
            server.until('slo:objective:ratio{sloth_id="t-ok-chat-available"} == 0.999')
            server.until('slo:sli_error:ratio_rate5m{sloth_id="t-ok-chat-available"} == 0', 60)
            assert server.unhealthy() == []


def test_python_finds_our_packages_whatever_folder_one_stands_in(tmp_path: Path) -> None:
    """A folder named `agent` where the user happens to stand is not taken for ours."""
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "__init__.py").write_text("raise RuntimeError('not this one')\n")
    script = Path(sys.executable).with_name("nephoscope")
    done = subprocess.run([script, "--version"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
