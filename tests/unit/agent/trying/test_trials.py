"""What trials came to, as it is told: the words for each, apart from the network."""

import asyncio
import dataclasses
import uuid

import pytest

from agent.clock import SystemClock
from agent.trying.base import Trial, lines
from agent.trying.looking import SilentTransport
from agent.trying.targets import trial, workload
from probes import catalog
from probes.base import Slot
from probes.exchange import Exchange
from probes.provider import Call
from probes.result import MANUAL, Outcome, ProbeResult
from probes.target import Kind, Path, Target
from probes.transport.certificates import Certificate
from probes.transport.wire import WireTransport
from support.results import STARTED_NS, a_result
from support.secrets import FakeSecrets

TARGET = Target(
    name="a", provider="openai", cloud="openai", model="m", model_id="m", group="m",
    endpoint="https://llm.example/v1", path=Path(proxy="none"), credentials={"api_key": "${KEY}"},
)  # fmt: skip


def listed(**changes: object) -> ProbeResult:
    known = {
        "kind": "models", "server_address": "llm.example", "server_port": 443, "peer": "10.0.0.9:443",
        "dns_s": 0.003, "connect_s": 0.01, "tls_s": 0.02,
    }  # fmt: skip
    return a_result(**(known | changes))


def test_a_good_answer_tells_each_step() -> None:
    seen = {("llm.example", 443): Certificate("llm.example", "Some CA", STARTED_NS // 10**9 + 86400 * 61 + 5)}
    found = trial(listed(), TARGET, seen, FakeSecrets({}))
    assert found.line == (
        "ok      target a: name resolved in 3 ms, connected to 10.0.0.9:443 in 10 ms, "
        "certificate of llm.example by Some CA, 61 days left; identity accepted"
    )


def test_a_proxy_is_named_without_its_password() -> None:
    target = dataclasses.replace(TARGET, path=Path(proxy="http://me:${PW}@proxy.bank:3128"))
    found = trial(listed(proxy_s=0.004), target, {}, FakeSecrets({"PW": "hunter2-hunter2"}))
    assert "by the proxy http://proxy.bank:3128" in found.says
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("outcome", "status", "provider", "ok"),
    [
        (Outcome.CONFIG, 401, "openai", False),
        (Outcome.CONFIG, 404, "openai", False),
        (Outcome.CONFIG, 404, "vllm", True),
        (Outcome.CONFIG, 401, "vllm", False),
        (Outcome.THROTTLED, 429, "openai", True),
        (Outcome.QUOTA, 402, "openai", False),
        (Outcome.OVERLOADED, 503, "vllm", False),
    ],
)
def test_what_counts_as_well(outcome: Outcome, status: int, provider: str, ok: bool) -> None:  # noqa: FBT001 - a table
    target = dataclasses.replace(TARGET, provider=provider)
    result = listed(outcome=outcome, http_status=status, error="mend it")
    assert trial(result, target, {}, FakeSecrets({})).ok is ok


def test_who_shows_no_identity_is_not_told_that_it_was_accepted() -> None:
    """An identity may also stand in a header."""
    anonymous = dataclasses.replace(TARGET, provider="vllm", credentials={})
    found = trial(listed(), anonymous, {}, FakeSecrets({}))
    assert found.says.endswith("; no identity is asked")
    assert found.facts["identity"] is None
    by_header = dataclasses.replace(anonymous, headers={"x-api-key": "${KEY}"})
    assert trial(listed(), by_header, {}, FakeSecrets({})).says.endswith("; identity accepted")


@pytest.mark.parametrize(
    "outcome",
    [Outcome.TOTAL_TIMEOUT, Outcome.FIRST_TOKEN_TIMEOUT, Outcome.STALLED],
    ids=lambda one: one.value,
)
def test_a_hang_is_told_by_the_trials_own_limit(outcome: Outcome) -> None:
    """No key of any file raises it, so none is named."""
    result = listed(outcome=outcome, error="did not finish within 5 s (timeout of probe live)")
    found = trial(result, TARGET, {}, FakeSecrets({}))
    assert not found.ok
    assert found.says.startswith("did not list its models within the 5 s that a trial waits")
    assert "[so far: name resolved in 3 ms, connected to 10.0.0.9:443 in 10 ms]" in found.says
    assert "probe live" not in found.says


@pytest.mark.parametrize(
    ("kind", "library"),
    [("aws", "botocore"), ("entra", "azure.identity"), ("google", "google.auth"), ("oci", "oci")],
)
def test_an_identity_that_a_library_proves_is_told_first(kind: str, library: str) -> None:
    target = dataclasses.replace(TARGET, credentials={kind: "default"})
    found = trial(listed(auth_s=0.0412), target, {}, FakeSecrets({}))
    assert found.says.startswith(f"identity proven by {library} in 41 ms, name resolved in 3 ms")
    assert found.facts["auth_s"] == 0.0412


def test_an_identity_that_cannot_be_proven_is_the_signers_sentence() -> None:
    target = dataclasses.replace(TARGET, credentials={"aws": "default"})
    result = a_result(
        kind="models", outcome=Outcome.CONFIG, http_status=None, error="target a finds no credentials: log in",
        auth_s=None, dns_s=None, connect_s=None, tls_s=None, peer=None,
    )  # fmt: skip
    found = trial(result, target, {}, FakeSecrets({}))
    assert (found.ok, found.says) == (False, "finds no credentials: log in")


def test_who_lists_no_models_is_tried_by_another_kind_and_told_as_untried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = catalog.PROVIDERS["openai"]
    spoken = row.apis["openai"]
    calls: dict[Kind, Call] = {kind: call for kind, call in spoken.calls.items() if kind != "models"}
    unlisted = dataclasses.replace(row, apis={"openai": dataclasses.replace(spoken, calls=calls)})
    monkeypatch.setattr(catalog, "PROVIDERS", {**catalog.PROVIDERS, "openai": unlisted})
    assert workload(TARGET).kind == "chat"
    result = listed(outcome=Outcome.DISCONNECTED, error_code="unasked", http_status=None, kind="chat")
    found = trial(result, TARGET, {}, FakeSecrets({}))
    assert (found.ok, found.facts["identity"]) == (True, None)
    assert found.says.endswith(
        "openai has no call that lists models, so its identity cannot be tried without cost: `nephoscope once` does"
    )
    closed = dataclasses.replace(
        result, outcome=Outcome.CONNECT_REFUSED, error_code=None, error="refused: see"
    )
    assert not trial(closed, TARGET, {}, FakeSecrets({})).ok


def test_a_silent_transport_goes_the_whole_way_and_says_nothing() -> None:
    """Over loopback: a connection came about, and not one byte was sent."""

    async def main() -> tuple[ProbeResult, bytes]:
        heard: asyncio.Queue[bytes] = asyncio.Queue()

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.put_nowait(await reader.read())
            writer.close()

        server = await asyncio.start_server(hear, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        target = dataclasses.replace(TARGET, endpoint=f"http://127.0.0.1:{port}/v1")
        wire = WireTransport()
        probe = Exchange(
            SilentTransport(wire), FakeSecrets({"KEY": "planted-0123"}), SystemClock(), uuid.uuid4, "fra-1",
            lambda _start, _end: 0.0,
        )  # fmt: skip
        async with server:
            result = await probe.ask(target, workload(target), Slot(scheduled_ns=7, attempt=MANUAL))
            said = await heard.get()
        await wire.aclose()
        return result, said

    result, said = asyncio.run(main())
    assert (result.error_code, said) == ("unasked", b"")
    assert result.connect_s is not None
    assert (result.auth_s is None, result.http_status) == (False, None)


def test_failures_come_first_and_many_good_ones_are_counted() -> None:
    well = [Trial(what="target", name=f"t{number}", ok=True, says="fine") for number in range(70)]
    failed = Trial(what="database", name="named", ok=False, says="start it")
    told = list(lines([*well, failed], whole=False))
    assert told[0] == "FAILED  database named: start it"
    assert told[-2:] == ["ok      and 10 more: --all shows them", "70 of 71 went well, 1 failed"]
    assert len(list(lines([*well, failed], whole=True))) == 72
