"""`nephoscope alerts test`: a marked trial to one receiver and its end, with what it answered."""

import argparse
import asyncio
import dataclasses
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from agent.clock import SystemClock
from agent.config.model import Config, Receiver
from agent.config.nearest import nearest
from agent.config.read import read
from agent.config.secrets import Secrets
from agent.errors import ConfigError
from agent.telling.opening import opened
from exporters.base import DeliveryError
from exporters.signals import Notice


def trial(args: argparse.Namespace, out: TextIO) -> int:
    """Tell a receiver, past routes and outbox; return 0 where all was taken, 1 where something was not."""
    config = read(Path(args.config), os.environ, no_secrets=True).config
    receiver = _named(config, args.receiver)
    secrets = Secrets.of(config, os.environ)
    went_well = True
    for what, one in _parts(receiver):
        for notice in _notices(config, one, args.severity):
            ok, says = asyncio.run(_tell(one, secrets, notice))
            print(f"{'ok' if ok else 'FAILED':<7} {what} {notice.state}: {secrets.redact(says)}", file=out)
            went_well = went_well and ok
            if not ok:
                break
    return 0 if went_well else 1


def _named(config: Config, name: str) -> Receiver:
    known = {receiver.name: receiver for receiver in config.receivers}
    if name not in known:
        hint = nearest(name, known) or (f"; there are {', '.join(known)}" if known else "")
        raise ConfigError(f"there is no receiver `{name}` under alerts.receivers{hint}")
    return known[name]


def _parts(receiver: Receiver) -> Iterator[tuple[str, Receiver]]:
    """Yield the receiver, or each of its replicas alone: one that is away must not hide behind another."""
    if len(receiver.urls) < 2:
        yield receiver.name, receiver
        return
    for at, url in enumerate(receiver.urls, 1):
        yield f"{receiver.name} replica {at}", dataclasses.replace(receiver, urls=(url,))


def _notices(config: Config, receiver: Receiver, severity: str) -> Iterator[Notice]:
    """Yield a trial and its end; each trial is an occurrence of its own."""
    now_ns = SystemClock().wall_ns()
    fires = Notice(
        key=f"trial/{config.vantage}/{receiver.name}/{uuid.uuid4().hex}@{now_ns}",
        seq=1,
        state="firing",
        name="NephoscopeTrial",
        severity="page" if severity == "page" else "ticket",
        subject=receiver.name,
        summary=f"Trial of the receiver {receiver.name} from {config.vantage}: nothing is wrong",
        detail="somebody ran `nephoscope alerts test`; its end follows at once",
        since_ns=now_ns,
        fired_ns=now_ns,
        labels={"vantage": config.vantage},
        drill=True,
        trial=True,
    )
    yield fires
    yield dataclasses.replace(fires, seq=2, state="resolved", ended_ns=SystemClock().wall_ns())


async def _tell(receiver: Receiver, secrets: Secrets, notice: Notice) -> tuple[bool, str]:
    notifier = opened(receiver, lambda: secrets, SystemClock().wall_ns)
    try:
        return True, await notifier.tell([notice])
    except DeliveryError as failure:
        tries = "the daemon would try again"
        cure = f"mend it; {tries} every five minutes" if failure.permanent else tries
        return False, f"{failure} ({cure})"
