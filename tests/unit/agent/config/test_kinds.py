"""What each kind of probe usually does, and what of a probe means nothing to its kind."""

import dataclasses

import pytest

from agent.config.kinds import USUAL
from agent.config.schema_asked import Asking
from probes import catalog, tasks
from probes.provider import Call
from probes.target import KINDS, Kind, Workload
from support.configuration import findings, loaded

TARGETS = """
targets:
  - {name: one, provider: vllm, model: m, endpoint: http://localhost:1}
  - {name: two, provider: vllm, model: m, endpoint: http://localhost:2}
  - {name: other, provider: qwen, model: m, credentials: {api_key: local-key}}
"""


@pytest.fixture(autouse=True)
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """One provider answers every kind here, another one chat and models."""
    row = catalog.PROVIDERS["vllm"]
    api = row.apis["openai"]
    calls = {kind: api.calls.get(kind, Call(api.calls["chat"].dialect, f"/{kind}")) for kind in KINDS}
    full = dataclasses.replace(row, apis={"openai": dataclasses.replace(api, calls=calls)})
    few = {"openai": dataclasses.replace(api, calls={"chat": api.calls["chat"], "models": calls["models"]})}
    part = dataclasses.replace(catalog.PROVIDERS["qwen"], apis=few)
    monkeypatch.setattr(catalog, "PROVIDERS", {**catalog.PROVIDERS, "vllm": full, "qwen": part})


def probe(keys: str, targets: str = "[one, two]") -> str:
    return f"{TARGETS}probes: [{{name: p, targets: {targets}, {keys}}}, {{name: chat}}]\n"


def workload(keys: str) -> Workload:
    return loaded(probe(keys)).config.workloads()["one", "p"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_probe_leaves_out_is_as_usual_for_its_kind(kind: Kind) -> None:
    found, usual = workload(f"kind: {kind}"), USUAL[kind]
    assert (found.every_s, found.first_token_s, found.stall_s, found.timeout_s, found.max_tokens) == (
        usual.every_s,
        usual.first_token_s,
        usual.stall_s,
        usual.timeout_s,
        usual.max_tokens,
    )
    assert found.prompt == tasks.PROMPTS[kind]
    assert found.prompt_tokens == (tasks.PROMPT_TOKENS if kind == "long-context" else None)


def test_dear_kinds_are_asked_by_the_hour_and_have_the_time_that_they_take() -> None:
    for kind in ("throughput", "long-context"):
        found = workload(f"kind: {kind}")
        assert (found.every_s, found.timeout_s) == (3600.0, 120.0)


def test_a_probe_has_its_own_schema_and_length_and_an_override_another() -> None:
    schema = "{type: object, required: [a]}"
    found = workload(f"kind: json, prompt: Say a., schema: {schema}")
    assert found.schema == {"type": "object", "required": ["a"]}
    text = probe("kind: long-context, prompt_tokens: 32000, override: [{when: two, prompt_tokens: 500}]")
    found_all = loaded(text).config.workloads()
    assert [found_all[name, "p"].prompt_tokens for name in ("one", "two")] == [32000, 500]


def test_a_plan_with_a_schema_goes_to_the_children_as_it_is() -> None:
    config = loaded(probe("kind: json, prompt: Say a., schema: {type: object, required: [a]}")).config
    assert type(config).decode(config.encode()) == config
    assert config.hash == type(config).decode(config.encode()).hash


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("kind: embeddings, stall: 1s", "stall: has no effect on an embeddings probe, for which nothing is generated"),
        ("kind: embeddings, max_tokens: 9", "max_tokens: has no effect on an embeddings probe, for which nothing"),
        ("kind: tools, expect: {contains: a}", "expect: has no effect on a tools probe, which is judged by the tool"),
        ("kind: long-context, prompt: hi", "prompt: has no effect on a long-context probe, whose text and question"),
        ("kind: throughput, schema: {a: b}", "schema: has no effect on a throughput probe, but only on one of kind json"),
        ("kind: json, prompt_tokens: 900", "prompt_tokens: has no effect on a json probe, but only on one of kind long"),
        ("kind: json, schema: {type: object}", "schema: is another than that of the usual prompt; write a prompt that"),
        ("kind: json, prompt: a, schema: []", "schema: a JSON Schema belongs here, as a map such as {type: object"),
        ("kind: json, prompt: a, schema: {}", "schema: a JSON Schema belongs here"),
        (
            "kind: json, prompt: a, schema: {type: objekt}",
            "schema: is no JSON Schema that can be used: `type`: 'objekt' is not valid under any of the given schemas",
        ),
        (
            "kind: json, prompt: a, schema: {$ref: 'https://bank.example/a.json'}",
            "`https://bank.example/a.json` is not in it, and nothing is fetched; write it out under $defs",
        ),
        ("kind: long-context, prompt_tokens: 8k", "prompt_tokens: `8k` is no length of a prompt; write a whole number"),
        ("kind: long-context, prompt_tokens: 300000", "a whole number of tokens from 100 to 200000"),
        ("kind: json, override: [{when: two, prompt_tokens: 900}]", "override[0].prompt_tokens: has no effect on a json"),
    ],
)  # fmt: skip
def test_what_would_change_nothing_or_cannot_be_judged_is_refused(keys: str, told: str) -> None:
    found = findings(probe(keys))
    assert any(told in one for one in found), found


def test_a_target_that_is_not_asked_so_is_named_with_those_that_are() -> None:
    """Neither skipped in silence, nor found out by the first answer."""
    (finding,) = findings(probe("kind: embeddings", "all"))
    assert finding.endswith(
        "probes[0].targets: other (qwen) is not asked by kind embeddings; it has chat, models: "
        "select those that have it, as in targets: [one, two]"
    )


def test_where_no_target_has_the_kind_another_one_is_to_be_chosen() -> None:
    (finding,) = findings(probe("kind: responses", "other"))
    assert "other (qwen) is not asked by kind responses; it has chat" in finding
    assert finding.endswith("choose another kind, or take the probe out")


def test_a_target_whose_provider_is_unknown_is_told_once() -> None:
    text = probe("kind: embeddings").replace("name: two, provider: vllm", "name: two, provider: vlllm")
    (finding,) = findings(text)
    assert "unknown provider" in finding


def test_every_key_that_a_kind_may_lack_is_a_key() -> None:
    known = Asking.keys()
    assert {"schema", "prompt_tokens", "expect", "stall", "first_token"} <= known
