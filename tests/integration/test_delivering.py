"""A teller that is killed while it tells: whoever comes next tells the same again, under the same key."""

import asyncio
import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from agent.clock import SystemClock
from agent.config.model import Receiver as Told
from agent.config.secrets import Secrets
from agent.telling.delivering import LEASE_NS, Deliveries
from agent.telling.opening import opened
from agent.telling.routing import rows
from storage.outbox import PostgresOutbox
from support.notices import Receiver, a_notice, receiver
from support.told import configuration

TELLER = """
import asyncio, sys
from agent.clock import SystemClock
from agent.config.model import Config
from agent.config.secrets import Secrets
from agent.telling.delivering import deliveries
from storage import engine
from storage.outbox import PostgresOutbox

url, config = sys.stdin.readline().strip(), Config.decode(sys.stdin.readline().encode())
asyncio.run(deliveries(
    PostgresOutbox(engine.create(url)), lambda: config, lambda: Secrets({"KEY": "signing-key"}),
    notified=lambda *_: None, wall_ns=SystemClock().wall_ns, uniform=lambda low, _: low,
))
"""


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def test_a_kill_between_claim_and_sent_repeats_the_notice_under_its_key(
    server: Receiver, database: Engine, migrated_url: str
) -> None:
    hook = Told(name="hook", kind="webhook", url=server.url, secret="${KEY}")
    config = dataclasses.replace(configuration("azure"), receivers=(hook,), engine="agent")
    outbox = PostgresOutbox(database)
    outbox.put(rows(config, [a_notice()], SystemClock().wall_ns()))
    server.hangs = True
    process = subprocess.Popen([sys.executable, "-c", TELLER], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(f"{migrated_url}\n".encode() + config.encode() + b"\n")
    process.stdin.flush()
    assert server.came.wait(60)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()

    server.hangs = False
    server.answer(204, "")
    later = Deliveries(
        outbox,
        lambda told: opened(told, lambda: Secrets({"KEY": "signing-key"}), SystemClock().wall_ns),
        notified=lambda *_: None,
        wall_ns=lambda: SystemClock().wall_ns() + LEASE_NS,
        uniform=lambda low, _: low,
    )

    async def look() -> None:
        await later.look(config)
        await later.rest()

    for _ in range(2):
        asyncio.run(look())
    first, second = server.asked
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.json == second.json
