"""Asks Bedrock and SageMaker on loopback over the real transport, as a slot would."""

import asyncio
import dataclasses
import os
import uuid
from collections.abc import Callable
from pathlib import Path as File
from typing import Any

import pytest

from agent.clock import SystemClock
from probes import catalog
from probes.base import Slot
from probes.exchange import Exchange
from probes.result import ProbeResult
from probes.signers import sigv4 as signing
from probes.target import Path, Target, Workload
from probes.transport.wire import WireTransport
from support.clouds.aws_server import Answer, Cloud
from support.secrets import FakeSecrets
from support.wireserver import Asked

MODEL = "us.openai.gpt-oss-20b-1:0"
REGION = "us-east-2"
SECRET = "planted/secret+key-0123456789"
CHAT = Workload(name="chat", first_token_s=20.0, stall_s=20.0, timeout_s=30.0)
API_KEY = "bedrock-api-key-0123456789"
SAGEMAKER = {"provider": "sagemaker", "model_id": "vllm-prod"}


def lone_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: File) -> str:
    """Return a profile that the process has not kept anything of."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    file = tmp_path / "credentials"
    file.write_text(f"[probe]\naws_access_key_id = AKID\naws_secret_access_key = {SECRET}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setattr(signing._KEPT, "_entries", {})
    monkeypatch.setattr(catalog.PROVIDERS["bedrock"].signer, "_renewals", {})
    return "probe"


def target(aws: str | None, **keys: Any) -> Target:
    usual = Target(
        name="t",
        provider="bedrock",
        cloud="aws",
        model="gpt-oss",
        model_id=MODEL,
        endpoint="",
        group="g",
        region=REGION,
        credentials={"aws": aws} if aws else {"api_key": "${AWS_BEARER_TOKEN_BEDROCK}"},
        path=Path(proxy="none"),
    )
    return dataclasses.replace(usual, **keys)


async def ask(cloud: Cloud, of: Target, workload: Workload = CHAT, slots: int = 1) -> list[ProbeResult]:
    wire = WireTransport()
    secrets = FakeSecrets({"AWS_BEARER_TOKEN_BEDROCK": API_KEY})
    exchange = Exchange(wire, secrets, SystemClock(), uuid.uuid4, "v", lambda _start, _end: 0.0)
    there = dataclasses.replace(of, endpoint=cloud.url + of.endpoint)
    results = [await exchange.ask(there, workload, Slot(at, 0)) for at in range(1, slots + 1)]
    await wire.aclose()
    return results


def answered(
    respond: Answer | Callable[[Asked], Answer],
    of: Target,
    workload: Workload = CHAT,
    *,
    service: str = "bedrock",
    api_key: str | None = None,
) -> tuple[ProbeResult, Asked]:
    """Return what one slot came to, and the only request that it made."""

    async def run() -> tuple[ProbeResult, Asked]:
        given = respond if callable(respond) else lambda _asked: respond
        async with Cloud(given, {"AKID": (SECRET, None)}, (REGION, service), api_key) as cloud:
            (result,) = await ask(cloud, of, workload)
            (asked,) = cloud.asked
        assert cloud.wrong == []
        assert SECRET not in repr(result)
        return result, asked

    return asyncio.run(run())
