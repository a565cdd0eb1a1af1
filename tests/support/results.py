"""Results for tests that only care for a field or two."""

import itertools
import uuid
from typing import Any

from probes import timing
from probes.result import Outcome, ProbeResult, StreamVerdict

STARTED_NS = 1_800_000_000_000_000_000
MS = 1_000_000

COLD_MARKS = (
    (timing.AUTH_START, 0),
    (timing.AUTH_END, 1 * MS),
    (timing.DNS_WAIT_START, 1 * MS),
    (timing.DNS_START, 2 * MS),
    (timing.DNS_END, 5 * MS),
    (timing.CONNECT_START, 5 * MS),
    (timing.CONNECT_END, 15 * MS),
    (timing.TLS_START, 15 * MS),
    (timing.TLS_END, 40 * MS),
    (timing.SENT, 41 * MS),
    (timing.FIRST_BYTE, 141 * MS),
    (timing.FIRST_TOKEN, 341 * MS),
    (timing.FIRST_OUTPUT, 361 * MS),
    (timing.LAST_TOKEN, 541 * MS),
    (timing.END, 551 * MS + 1),
)
"""A good chat over a fresh TLS connection: first token after 300 ms, whole after 510."""

_serial = itertools.count(1)


def a_result(**changes: Any) -> ProbeResult:
    """Return a good cold chat of target `openai` at `STARTED_NS`, changed as told; ids never repeat."""
    known: dict[str, Any] = {
        "id": uuid.UUID(int=(0x0199_0000_0000_7000_8000 << 48) + next(_serial)),
        "probe": "chat",
        "kind": "chat",
        "target": "openai",
        "provider": "openai",
        "cloud": "openai",
        "model": "nano",
        "vantage": "fra-1",
        "scheduled_ns": STARTED_NS - 2 * MS,
        "started_ns": STARTED_NS,
        "outcome": Outcome.OK,
        "request_model": "gpt-5-nano",
        "max_tokens": 256,
        "server_address": "api.openai.example",
        "server_port": 443,
        "reused": False,
        "http_status": 200,
        "stream": StreamVerdict.COMPLETE,
        "finish_reason": "stop",
        "response_model": "gpt-5-nano-2026-08-07",
        "auth_s": 0.001,
        "dns_wait_s": 0.001,
        "dns_s": 0.003,
        "connect_s": 0.01,
        "tls_s": 0.025,
        "ttfb_s": 0.1,
        "ttft_s": 0.3,
        "ttfo_s": 0.32,
        "itl_s": 0.02,
        "last_token_s": 0.5,
        "total_s": 0.51,
        "marks": COLD_MARKS,
        "chunks": (0.3, 0.4, 0.5),
        "input_tokens": 12,
        "output_tokens": 11,
        "cost_usd": 0.25,
    }
    return ProbeResult(**known | changes)
