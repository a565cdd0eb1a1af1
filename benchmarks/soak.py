"""A daemon under its full load for minutes: slots skipped, lateness, memory and CPU of both processes.

`make soak ARGS="--targets 500 --every 10 --minutes 10"`. The endpoint is a process of its own, and the asker
has one core (`taskset`) while everything else has the other.
"""

import argparse
import multiprocessing
import os
import statistics
import time
from multiprocessing.connection import Connection
from pathlib import Path

from support.daemon import FEED, Daemon, daemon, query
from support.endpoint import endpoint

TICKS = os.sysconf("SC_CLK_TCK")
PROCESSES = ("asker", "teller")


def serve(told: Connection) -> None:
    with endpoint() as served:
        told.send(served.base("ok"))
        told.recv()


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def watch(running: Daemon, minutes: float) -> list[dict[str, float]]:
    """Return CPU seconds and proportional memory of each process, once before and once each minute."""
    pids = {name: running.child(name) for name in PROCESSES}
    cores = os.cpu_count() or 1
    if cores > 1:
        os.sched_setaffinity(pids["asker"], {cores - 1})
    seen = []
    for minute in range(round(minutes) + 1):
        if minute:
            time.sleep(60)
        row = {f"{name} MB": resident_mb(pid) for name, pid in pids.items()}
        seen.append(row | {f"{name} CPU s": cpu_s(pid) for name, pid in pids.items()})
        print("  ".join(f"{name} {value:.1f}" for name, value in seen[-1].items()), flush=True)
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=500)
    parser.add_argument("--every", type=float, default=10)
    parser.add_argument("--minutes", type=float, default=10)
    arguments = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    base = ours.recv()
    targets = "\n".join(
        f'  - {{name: "t{number}", provider: openai-compatible, endpoint: "{base}", model: tiny-1}}'
        for number in range(arguments.targets)
    )
    probes = f"probes: [{{name: chat, every: {arguments.every:g}s, first_token: 2s, stall: 1s, timeout: 3s}}]"
    with daemon(f"{FEED}{probes}\ntargets:\n{targets}\n") as running:
        running.until_ready()
        time.sleep(arguments.every)
        begun = time.time_ns()
        seen = watch(running, arguments.minutes)
        skipped = running.metric("nephoscope_agent_runs_skipped_total")
        ended = time.time_ns()
        running.stop()
        rows = query(
            running,
            "select started_ns, extract(epoch from scheduled_at) * 1000, outcome, quality_reasons from results "
            f"where attempt = 0 and started_ns between {begun} and {ended}",
        )
    ours.send("end")
    server.join()
    late = sorted(started / 1e6 - float(due) for started, due, _, _ in rows)
    cuts = statistics.quantiles(late, n=100)
    spent = {name: seen[-1][f"{name} CPU s"] - seen[0][f"{name} CPU s"] for name in PROCESSES}
    bad = sum(outcome != "ok" for _, _, outcome, _ in rows)
    untrusted = sum(bool(reasons) for _, _, _, reasons in rows)
    print(f"probes {len(rows)}, not ok {bad}, untrusted {untrusted}, slots skipped {skipped:.0f}")
    print(f"lateness ms: p50 {cuts[49]:.2f}, p99 {cuts[98]:.2f}, max {late[-1]:.2f}")
    each = ", ".join(f"{name} {1e3 * seconds / len(rows):.2f}" for name, seconds in spent.items())
    print(f"CPU ms a probe: {each}")


if __name__ == "__main__":
    main()
