"""curl as a prober: its trace, read afterwards, tells when it read what, in microseconds."""

import asyncio
import json
import re
import uuid
from collections.abc import Iterator

from asking import BODY, Ask, Close, Order
from errors import Reported

_LINE = re.compile(r"(\d\d):(\d\d):(\d\d)\.(\d{6}) (=>|<=) (\w+ \w+)")
_DUMP = re.compile(r"[0-9a-f]{4}: (.*)")


async def ask_once(order: Order) -> Reported:
    """Run curl once and return what its trace shows: the head sent, each read with a token, the last read.

    The instants of a trace are off by up to a second (curl drops the fraction when it converts them), by the
    same amount within one: they give durations only.
    """
    identity = str(uuid.uuid4())
    child = await asyncio.create_subprocess_exec(
        "curl", "-sN", "--noproxy", "*", "--trace-time", "--trace-ascii", "-", "-o", "/dev/null",
        "-H", f"x-request-id: {identity}", "-H", "Connection: close", "--json", json.dumps(BODY), order.url,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await child.communicate()
    entries = list(_reads(output.decode("latin-1")))
    sent_ns = next(at_ns for at_ns, what, _ in entries if what == "Send header")
    data = [(at_ns, text) for at_ns, what, text in entries if what == "Recv data"]
    tokens = [at_ns for at_ns, text in data for _ in range(text.count('"content":"pong'))]
    return Reported(identity, sent_ns, tokens, data[-1][0], absolute=False)


def make(order: Order) -> tuple[Ask, Close]:
    async def close() -> None:
        pass

    return lambda: ask_once(order), close


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
