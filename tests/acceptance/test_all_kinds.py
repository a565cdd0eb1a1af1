"""Every kind of probe against an endpoint that answers as it should, and against one that does not."""

import asyncio
import collections
from pathlib import Path
from typing import Any

from support.daemon import FEED, daemon, lines, nephoscope, query
from support.kinds import Kinds
from support.wireserver import WireServer

KINDS = ("chat", "responses", "embeddings", "tools", "json", "throughput", "long-context")
PROBES = "probes:\n" + "".join(f"  - {{name: {kind}, kind: {kind}}}\n" for kind in KINDS)


def target(name: str, server: WireServer) -> str:
    return f"  - {{name: {name}, provider: openai-compatible, endpoint: '{server.url}/{name}/v1', model: m, price: {{input: 1, output: 2}}}}\n"


def once(tmp_path: Path, *words: str) -> tuple[Kinds, dict[str, dict[str, dict[str, Any]]], str]:
    """Return what a right and a wrong endpoint were asked and came to, by target and probe, and stderr."""
    kinds = Kinds()

    async def run() -> Any:
        async with WireServer(kinds.script) as server:
            targets = "".join(target(name, server) for name in ("right", "wrong"))
            config = tmp_path / "nephoscope.yaml"
            config.write_text(
                f"vantage: test\nstate_dir: {tmp_path / 'state'}\ntargets:\n{targets}{PROBES}objectives: []\n"
            )
            return await asyncio.to_thread(nephoscope, "once", "-c", str(config), "--json", *words)

    done = asyncio.run(run())
    rows: dict[str, dict[str, dict[str, Any]]] = collections.defaultdict(dict)
    for row in lines(done.stdout):
        rows[row["target"]][row["probe"]] = row
    return kinds, rows, done.stderr


def test_each_kind_is_asked_once_and_judged_by_what_it_asked_for(tmp_path: Path) -> None:
    kinds, rows, _ = once(tmp_path, "--expensive")
    assert kinds.asked == {(manner, kind): 1 for manner in ("right", "wrong") for kind in KINDS}
    assert len(set(kinds.nonces)) == 2 * len(KINDS)
    assert {probe: row["outcome"] for probe, row in rows["right"].items()} == dict.fromkeys(KINDS, "ok"), rows
    assert {probe: (row["outcome"], row["error_code"]) for probe, row in rows["wrong"].items()} == {
        "chat": ("ok", None),
        "responses": ("malformed", None),
        "embeddings": ("empty", None),
        "tools": ("mismatch", "bad_arguments"),
        "json": ("mismatch", "no_json"),
        "throughput": ("ok", None),
        "long-context": ("mismatch", "needle"),
    }
    told = rows["wrong"]["tools"]["error"]
    assert told == (
        "the answer of target wrong calls report_temperature with arguments that break its schema: "
        '`celsius` breaks type: "integer"'
    )
    assert "code fence" in rows["wrong"]["json"]["error"]


def test_a_speed_is_told_of_the_long_answer_and_of_no_other(tmp_path: Path) -> None:
    _, rows, _ = once(tmp_path, "--expensive")
    right = {probe: row["tokens_per_s"] for probe, row in rows["right"].items()}
    assert right.pop("throughput") > 0
    assert set(right.values()) == {None}
    assert rows["wrong"]["throughput"]["tokens_per_s"] is None
    assert rows["right"]["embeddings"]["cost_usd"] == 7e-6
    assert (rows["right"]["embeddings"]["ttft_s"], rows["right"]["tools"]["ttft_s"] is None) == (None, False)


def test_what_is_expensive_is_asked_where_it_is_named_alone(tmp_path: Path) -> None:
    kinds, rows, said = once(tmp_path)
    assert not {"throughput", "long-context"} & {kind for _, kind in kinds.asked}
    assert set(rows["right"]) == set(KINDS) - {"throughput", "long-context"}
    assert "left out, being expensive: throughput, long-context; name one with --probe, or add" in said
    kinds, rows, said = once(tmp_path, "--probe", "long-context", "--target", "right")
    assert kinds.asked == {("right", "long-context"): 1}
    assert "left out" not in said


CONFIG = """
probes:
  - {name: swift, kind: throughput, every: 3s, timeout: 10s, targets: [right, slow]}
  - {name: tools, kind: tools, every: 3s, timeout: 10s, targets: [right, wrong]}
objectives:
  - {name: fast, sli: throughput, percent: 95, window: 7d, at_least: 400}
  - {name: available, sli: availability, percent: 99, window: 7d, probes: all}
"""


def test_a_run_counts_speeds_and_keeps_wrong_tools_out_of_availability() -> None:
    """Told by the metrics, and kept in the database."""
    kinds = Kinds()

    async def run() -> None:
        async with WireServer(kinds.script) as server:
            targets = "".join(target(name, server) for name in ("right", "slow", "wrong"))
            await asyncio.to_thread(_watched, f"{FEED}targets:\n{targets}{CONFIG}")

    asyncio.run(run())


def _watched(config: str) -> None:
    with daemon(config) as running:

        def events(of: str, result: str, objective: str = "fast") -> float:
            labels = {"target": of, "result": result, "objective": objective}
            return running.metric("nephoscope_sli_events_total", **labels)

        running.until(lambda: events("right", "good") >= 1, "a good speed")
        running.until(lambda: events("slow", "bad") >= 1, "a bad one")
        running.until(lambda: events("wrong", "good", "available") >= 1, "a wrong tool is available")
        assert events("slow", "good") == 0
        assert events("wrong", "bad", "available") == 0
        outcome = {"target": "wrong", "outcome": "mismatch"}
        assert running.metric("nephoscope_probe_results_total", **outcome) >= 1
        slower = {"target": "slow", "le": "300.0"}
        assert running.metric("nephoscope_probe_output_tokens_per_second_bucket", **slower) >= 1
        assert running.stop() == 0, running.said()
        stored = query(
            running,
            "select t.name, max(r.tokens_per_s), count(r.tokens_per_s) from results r"
            " join targets t on t.id = r.target_id group by 1 order by 1",
        )
    by_target = {name: (most, count) for name, most, count in stored}
    assert by_target["slow"][0] < 225
    assert by_target["right"][1] >= 1
    assert by_target["wrong"] == (None, 0)
