"""curl as a prober: its trace, read afterwards, tells when it read what, in microseconds of the wall clock."""

import asyncio
import datetime as dt
import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from errors import Reported

_LINE = re.compile(r"(\d\d):(\d\d):(\d\d)\.(\d{6}) (=>|<=) (\w+ \w+)")
_DUMP = re.compile(r"[0-9a-f]{4}: (.*)")


async def ask(url: str, identity: str, body: Mapping[str, Any]) -> Reported:
    """Run curl once and return what its trace shows: the head sent, each read with a token, the last read."""
    offset_ns = time.time_ns() - time.monotonic_ns()
    child = await asyncio.create_subprocess_exec(
        "curl", "-sN", "--noproxy", "*", "--trace-time", "--trace-ascii", "-", "-o", "/dev/null",
        "-H", f"x-request-id: {identity}", "-H", "Connection: close", "--json", json.dumps(body), url,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await child.communicate()
    reads = list(_reads(output.decode("latin-1")))
    today = dt.datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    midnight_ns = int(today.timestamp()) * 1_000_000_000 - offset_ns
    sent = [at_ns for at_ns, what, _ in reads if what == "Send header"]
    data = [(at_ns, text) for at_ns, what, text in reads if what == "Recv data"]
    tokens = [midnight_ns + at_ns for at_ns, text in data for _ in range(text.count('"content":"pong'))]
    return Reported(identity, midnight_ns + sent[0], tokens, midnight_ns + data[-1][0])


def _reads(trace: str) -> Iterator[tuple[int, str, str]]:
    """Yield (nanoseconds since midnight, what, text) of each entry; the dump wraps lines, which are joined."""
    entry: tuple[int, str] | None = None
    text = ""
    for line in trace.splitlines():
        if found := _LINE.match(line):
            if entry:
                yield *entry, text
            hours, minutes, seconds, micros = (int(found[nth]) for nth in range(1, 5))
            entry = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + micros * 1000, found[6]
            text = ""
        elif dumped := _DUMP.match(line):
            text += dumped[1]
    if entry:
        yield *entry, text
