"""What trials came to, as it is told: the words for each, apart from the network."""

import dataclasses

import pytest

from agent.trying.base import Trial, lines
from agent.trying.targets import trial
from probes.result import Outcome, ProbeResult
from probes.target import Path, Target
from probes.transport.certificates import Certificate
from support.results import STARTED_NS, a_result
from support.secrets import FakeSecrets

TARGET = Target(
    name="a", provider="openai", cloud="openai", model="m", model_id="m", group="m",
    endpoint="https://llm.example/v1", path=Path(proxy="none"),
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


def test_failures_come_first_and_many_good_ones_are_counted() -> None:
    well = [Trial(what="target", name=f"t{number}", ok=True, says="fine") for number in range(70)]
    failed = Trial(what="database", name="named", ok=False, says="start it")
    told = list(lines([*well, failed], whole=False))
    assert told[0] == "FAILED  database named: start it"
    assert told[-2:] == ["ok      and 10 more: --all shows them", "70 of 71 went well, 1 failed"]
    assert len(list(lines([*well, failed], whole=True))) == 72
