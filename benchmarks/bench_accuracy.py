"""How far off nephoscope and others are about one server, and what a probe costs them: side by side, in one run.

The truth server is a process of its own on one core, each client a process of its own on another; see
docs/accuracy.md for what the columns mean. `--json FILE` keeps everything.
"""

import argparse
import contextlib
import datetime as dt
import http.client
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from errors import Errors, Reported, errors, summary

HERE = Path(__file__).parent
CLIENTS = (
    "nephoscope", "nephoscope TLS", "transport", "transport TLS", "httpx shared", "httpx each", "aiohttp", "curl",
)  # fmt: skip
STREAMS = (1, 50, 200, 500)
ROUNDS = {1: 12, 50: 6, 200: 4}
FIRST_MS, GAP_MS, TOKENS = 500, 50, 20
LASTS_S = (FIRST_MS + GAP_MS * (TOKENS - 1)) / 1e3
CURL_STREAMS = 50
"""Each curl is a process: more of them at once measure the machine."""

PATIENCE_S = 300


@contextlib.contextmanager
def truth_server(core: int | None) -> Iterator[dict[str, Any]]:
    """Run the truth server and yield where it listens; it ends with its standard input."""
    command = [sys.executable, "-m", "agent.calibration"]
    server = subprocess.Popen(
        command, cwd=HERE.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        if core is not None:
            os.sched_setaffinity(server.pid, {core})
        yield json.loads(server.stdout.readline())
    finally:
        server.communicate()  # closes its standard input


def measure(client: str, streams: int, where: Mapping[str, Any], core: int | None) -> dict[str, Any]:
    """Run one client, and return its errors' quantiles and costs; a failed run says why instead."""
    order = {
        "client": client,
        "streams": streams,
        "rounds": ROUNDS.get(streams, 3),
        "lasts_s": LASTS_S,
        "query": f"first_ms={FIRST_MS}&gap_ms={GAP_MS}&tokens={TOKENS}",
        "core": core,
        **where,
    }
    command = [sys.executable, str(HERE / "client.py"), json.dumps(order)]
    try:
        done = subprocess.run(
            command, cwd=HERE.parent, capture_output=True, text=True, timeout=PATIENCE_S, check=True,
            env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"client": client, "streams": streams, "failed": f"not done after {PATIENCE_S} s"}
    except subprocess.CalledProcessError as error:
        return {"client": client, "streams": streams, "failed": error.stderr.strip().splitlines()[-1]}
    said = json.loads(done.stdout)
    told = [Reported(**each) for each in said.pop("told")]
    return {"client": client, "streams": streams, **said, **judged(told, truths(where["port"], told))}


def truths(port: int, told: Sequence[Reported]) -> list[dict[str, Any]]:
    """Ask the server what was true of each stream."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    found = []
    for each in told:
        connection.request("GET", f"/truth/{each.id}")
        found.append(json.loads(connection.getresponse().read()))
    connection.close()
    return found


def judged(told: Sequence[Reported], true: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return quantiles (ms) of the errors of the trusted samples, and how many were not trusted."""
    found = [(each.trusted, errors(each, truth)) for each, truth in zip(told, true, strict=True)]
    trusted = [error for good, error in found if good]
    fields = Errors.__dataclass_fields__
    return {
        "probes": len(told),
        "untrusted": 1 - len(trusted) / len(told),
        "without_inter_token": sum(error.inter_token is None for error in trusted) / len(told),
        **{field: summary([getattr(error, field) for error in trusted]) for field in fields},
        "all_ttft": summary([error.ttft for _, error in found]),
    }


def number(value: float | None) -> str:
    """Return milliseconds in nine columns, to the microsecond where they are few."""
    return f"{'-':>9}" if value is None else f"{value:>9.3f}" if abs(value) < 1000 else f"{value:>9.1f}"


def row(result: Mapping[str, Any]) -> str:
    name = f"{result['client']:<15}{result['streams']:>8}"
    if "failed" in result:
        return f"{name}  {result['failed']}"

    def told(what: str, *quantiles: str) -> str:
        values = result[what]
        return "".join(number(values[each] if values else None) for each in quantiles)

    memory = "-" if result["memory_mb"] is None else f"{result['memory_mb']:.0f}"
    return (
        f"{name}{told('ttft', 'p50', 'p99', 'max')}{told('arrival', 'p99', 'lowest')}"
        f"{told('total', 'p50', 'p99', 'max')}{told('inter_token', 'p50', 'p99', 'max')}"
        f"{result['untrusted']:>10.1%}{result['cpu_ms']:>8.2f}{result['cores']:>7.0%}{memory:>7}"
    )


TITLE = (
    f"{'':<23}{'TTFT error, ms':^27}{'of it arrival':^18}{'total error, ms':^27}{'inter-token error':^27}"
    f"\n{'client':<15}{'streams':>8}"
    + "".join(f"{name:>9}" for name in ("p50", "p99", "max", "p99", "lowest"))
    + 2 * "".join(f"{name:>9}" for name in ("p50", "p99", "max"))
    + f"{'untrusted':>10}{'CPU ms':>8}{'core':>7}{'MB':>7}"
)


def machine() -> dict[str, Any]:
    """Return what the numbers are to be read with."""
    packages = ("nephoscope", "httpx", "aiohttp", "uvloop")
    return {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "packages": {name: metadata.version(name) for name in packages},
    }


def cores() -> tuple[int | None, int | None]:
    """Return one core for the server and one for the clients, where the system can pin and there are two."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (usable[0], usable[1]) if len(usable) > 1 else (None, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--json", type=Path, help="where to keep everything, for instance benchmarks/results/x.json"
    )
    parser.add_argument("--clients", default=",".join(CLIENTS), help="some of: %(default)s")
    parser.add_argument("--streams", default=",".join(map(str, STREAMS)), help="at once: %(default)s")
    args = parser.parse_args()
    told = machine()
    print(json.dumps(told))
    server_core, client_core = cores()
    if server_core is not None:
        os.sched_setaffinity(0, {server_core})
    else:
        print("not pinned: this system has one core, or cannot pin processes to one")
    print(TITLE)
    results = []
    with truth_server(server_core) as where:
        for streams in map(int, args.streams.split(",")):
            for client in args.clients.split(","):
                if client == "curl" and (streams > CURL_STREAMS or not shutil.which("curl")):
                    continue
                results.append(measure(client, streams, where, client_core))
                print(row(results[-1]), flush=True)
    told["load_after"] = [round(load, 2) for load in os.getloadavg()]
    print(json.dumps({"load_after": told["load_after"]}))
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({**told, "results": results}, indent=1))


if __name__ == "__main__":
    main()
