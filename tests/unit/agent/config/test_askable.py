"""A probe that its target could never be asked is refused before it is asked, in the words of who would refuse it."""

import pytest

from support.configuration import findings, loaded

ENVIRON = {"CLOUD_KEY": "planted-0123456789"}


def plan(
    kind: str, *, credentials: str = "{oci: default}", model: str = "cohere.command-a", more: str = ""
) -> str:
    return (
        "targets:\n"
        "  - {name: t, provider: oci, region: eu-frankfurt-1, compartment: ocid1.compartment.oc1..a, "
        f"model: {model}, credentials: {credentials}{more}}}\n"
        f"probes: [{{name: p, kind: {kind}}}]\n"
    )


def test_what_a_dialect_refuses_is_told_in_its_own_sentence() -> None:
    (finding,) = findings(plan("tools"), ENVIRON)
    assert finding.startswith("nephoscope.yaml:3: probes[0].kind: target t cannot be asked for kind tools: ")
    assert "write api: cohere-v2" in finding


@pytest.mark.parametrize("more", [", api: cohere-v2", ", id: meta.llama-3.3-70b-instruct"])
def test_the_way_out_that_it_tells_is_one(more: str) -> None:
    assert not findings(plan("tools", more=more), ENVIRON)


def test_a_call_that_takes_fewer_identities_than_its_provider_is_not_planned_with_another() -> None:
    key = '{api_key: "${CLOUD_KEY}"}'
    (finding,) = findings(plan("models", credentials=key), ENVIRON)
    assert "probes[0].kind: target t cannot be asked for kind models with api_key: leave it out" in finding
    assert finding.endswith("or write credentials: {oci: default}")
    assert not findings(plan("models"), ENVIRON)
    assert not findings(plan("chat", credentials=key), ENVIRON)


def test_where_the_targets_are_chosen_the_choice_is_named() -> None:
    text = plan("tools").replace("kind: tools", "kind: tools, targets: t")
    (finding,) = findings(text, ENVIRON)
    assert "probes[0].targets: target t cannot" in finding


def test_a_long_prompt_is_neither_written_nor_refused() -> None:
    text = plan("long-context").replace("kind: long-context", "kind: long-context, prompt_tokens: 100000")
    assert loaded(text, ENVIRON).config.probes[0].workload.prompt_tokens == 100000


def test_what_a_target_lacks_is_told_once() -> None:
    text = plan("tools").replace("compartment: ocid1.compartment.oc1..a, ", "")
    (finding,) = findings(text, ENVIRON)
    assert "targets[0].compartment: is missing" in finding
