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
from agent.slo.alerts import Alert, Finding
from agent.telling.delivering import LEASE_NS, Deliveries
from agent.telling.handover import Handover
from agent.telling.opening import opened
from agent.telling.routing import rows
from storage.alert_readings import Told as Delivered
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


def test_what_prometheus_takes_over_is_ended_once_in_the_database_and_known_to_be_over(
    database: Engine,
) -> None:
    """Also by a process that starts later, and finds what goes on."""
    outbox, now_ns = PostgresOutbox(database), SystemClock().wall_ns()
    hook = Told(name="hook", kind="webhook", url="http://127.0.0.1:9", secret="${KEY}")
    config = dataclasses.replace(configuration("azure"), receivers=(hook,), engine="agent")
    page = a_notice()
    outbox.put(rows(config, [page], now_ns))
    (claim,) = outbox.claim(config.vantage, ["hook"], now_ns, now_ns + LEASE_NS, 9)
    outbox.settle([Delivered(claim=claim, state="told", at_ns=now_ns)])
    for _ in range(2):
        Handover(outbox).leave(config.vantage, now_ns)
    (end,) = outbox.claim(config.vantage, ["hook"], now_ns, now_ns + LEASE_NS, 9, ends=True)
    assert (end.row.seq, end.row.payload["state"], end.known) == (2, "resolved", True)
    assert end.row.payload["summary"].endswith(": Prometheus judges from now on")
    finding = Finding(
        key="service-down/chat", name="ServiceDown", severity="page", subject="chat", since_ns=1
    )
    alert = Alert(finding=finding, fired_ns=page.fired_ns)
    later = Handover(outbox)
    assert later.take(config.vantage, [alert], {alert.id: 1}) == {alert.id: 2}
    assert list(later.found([alert], [])) == [alert]
