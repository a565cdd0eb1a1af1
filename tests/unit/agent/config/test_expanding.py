"""From what a file holds to plain targets: defaults, `for`, overrides, models, and where a mistake was written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.layering import laid
from support.configuration import LOCAL, findings, loaded

MODELS = """
models:
  nano: {class: fast, ids: {openai: gpt-5-nano, azure: nano-prod}}
  large: {class: slow, ids: {openai: gpt-5, azure: large-prod}}
"""
AZURE = """
targets:
  - name: "azure-{region}-{model}"
    for: {region: [eastus2, swedencentral], model: [nano, large]}
    except: [{region: swedencentral, model: large}]
    provider: azure
    endpoint: "https://bank-{region}.openai.azure.com"
    credentials: {api_key: "${OPENAI_API_KEY}"}
"""


def test_an_entry_is_written_once_and_multiplied() -> None:
    """Keys of `for` that are keys of a target are set where the entry does not say them."""
    targets = loaded(MODELS + AZURE).config.targets
    assert [(one.name, one.region, one.model, one.model_id, one.endpoint) for one in targets] == [
        ("azure-eastus2-nano", "eastus2", "nano", "nano-prod", "https://bank-eastus2.openai.azure.com"),
        ("azure-eastus2-large", "eastus2", "large", "large-prod", "https://bank-eastus2.openai.azure.com"),
        (
            "azure-swedencentral-nano",
            "swedencentral",
            "nano",
            "nano-prod",
            "https://bank-swedencentral.openai.azure.com",
        ),
    ]
    assert [(one.group, one.model_class) for one in targets] == [
        ("nano", "fast"),
        ("large", "slow"),
        ("nano", "fast"),
    ]


def test_what_the_entry_says_itself_is_not_implied() -> None:
    (one, other) = loaded(
        "targets:\n  - {name: 'own-{region}', for: {region: [eu, us]}, region: 'dc-{region}', provider: vllm, model: m, "
        "endpoint: 'http://localhost', id: 'm/{region}', headers: {x-at: '{region}'}, labels: {at: '{region}'}}"
    ).config.targets
    assert (one.region, one.model_id, one.headers, one.labels) == (
        "dc-eu",
        "m/eu",
        {"x-at": "eu"},
        {"at": "eu"},
    )
    assert other.region == "dc-us"


def test_an_override_changes_some_and_the_later_wins() -> None:
    text = f"""{MODELS}{AZURE}
    labels: {{env: prod, tier: silver}}
    override:
      - {{when: {{model: large}}, capacity: provisioned, count: {{throttled: bad}}, labels: {{tier: gold}}, team: a}}
      - {{when: {{class: [slow], not: "*-sweden*"}}, team: "b-{{region}}", critical: true}}
"""
    eastus2, large, sweden = loaded(text).config.targets
    assert (large.capacity, large.count_throttled, large.team, large.critical) == (
        "provisioned",
        "bad",
        "b-eastus2",
        True,
    )
    assert large.labels == {"env": "prod", "tier": "gold"}
    assert (eastus2.team, eastus2.labels["tier"], sweden.critical) == (None, "silver", False)


def test_a_when_sees_the_entry_as_it_is_written_and_not_what_another_override_made_of_it() -> None:
    (finding,) = findings(f"""{MODELS}{AZURE}
    override: [{{when: {{model: large}}, team: a}}, {{when: {{team: a}}, critical: true}}]
""")
    assert finding == (
        "nephoscope.yaml:14: targets[0].override[1].when: `team: a` selects no target of this entry, for none has a team"
    )


_LAYERS = st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), max_size=3), max_size=4)


@given(_LAYERS, _LAYERS)
def test_layers_are_laid_in_order_the_later_wins(
    first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    """In maps within as well; and laying what was laid changes nothing."""
    layers = [({"labels": one, **one}, (at,)) for at, one in enumerate([*first, *second])]
    wanted: dict[str, Any] = {}
    for one in (*first, *second):
        wanted |= one
    data, origins = laid(layers)
    assert data == ({"labels": wanted, **wanted} if layers else {})
    for key in wanted:
        newest = max(at for at, one in enumerate([*first, *second]) if key in one)
        assert origins["labels", key] == (newest, "labels", key)
    assert laid([*layers, (data, ("again",))])[0] == data


def test_defaults_lie_under_every_entry() -> None:
    config = loaded(f"""
defaults:
  target: {{team: platform, labels: {{env: prod, tier: silver}}, count: {{throttled: bad}}}}
  probe: {{every: 1m}}
  objective: {{window: 14d}}
targets:
  - {LOCAL}
  - {{name: other, provider: vllm, model: m, endpoint: http://localhost, team: sre, labels: {{tier: gold}}}}
""").config
    one, other = config.targets
    assert (one.team, other.team) == ("platform", "sre")
    assert other.labels == {"env": "prod", "tier": "gold"}
    assert (one.count_throttled, config.probes[0].workload.every_s) == ("bad", 60.0)
    assert {objective.window_s for objective in config.objectives} == {14 * 86400.0}


def test_an_identity_is_never_made_of_two_halves() -> None:
    """Credentials of the defaults give way as a whole to the entry's."""
    (one,) = loaded("""
defaults: {target: {credentials: {api_key: "${OPENAI_API_KEY}"}}}
targets: [{name: t, provider: openai, model: m, credentials: {token: "${BASE}"}}]
""").config.targets
    assert one.credentials == {"token": "${BASE}"}


def test_a_model_that_is_not_listed_is_sent_as_it_stands() -> None:
    text = f"{MODELS}\ntargets: [{LOCAL}, {{name: by-id, provider: vllm, model: nano, id: tiny, endpoint: http://localhost}}]"
    own, by_id = loaded(text).config.targets
    assert (own.model_id, own.group, own.model_class) == ("tiny", "local", None)
    assert (by_id.model_id, by_id.group, by_id.model_class) == ("tiny", "nano", "fast")


def test_probes_and_objectives_are_multiplied_as_well() -> None:
    config = loaded(f"""
targets: [{LOCAL}]
probes: [{{name: "chat-{{connection}}", for: {{connection: [cold, warm], max_tokens: [16]}}}}]
objectives: [{{name: "up-{{percent}}", for: {{percent: [99, 98]}}, sli: availability, probes: chat-cold, window: 30d}}]
""").config
    assert [
        (plan.workload.name, plan.workload.connection, plan.workload.max_tokens) for plan in config.probes
    ] == [
        ("chat-cold", "cold", 16),
        ("chat-warm", "warm", 16),
    ]
    assert [(one.name, one.ratio) for one in config.objectives] == [("up-99", 0.99), ("up-98", 0.98)]


def test_braces_in_an_entry_without_for_are_braces() -> None:
    config = loaded(f"targets: [{LOCAL}]\nprobes: [{{name: chat, prompt: 'Reply with {{\"a\": 1}}'}}]").config
    assert config.probes[0].workload.prompt == 'Reply with {"a": 1}'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            AZURE.replace("{region}-{model}", "{region}"),
            "3: targets[0].name: `azure-eastus2` would name 2 targets; put {model} into the name",
        ),
        (
            AZURE.replace("bank-{region}", "bank-{regin}"),
            "7: targets[0].endpoint: `{regin}` is no key of `for`; known are {region}, {model}; write",
        ),
        (
            AZURE + "    override: {team: x}",
            "9: targets[0].override: a list of maps belongs here, not a map; as in",
        ),
        (AZURE + "    override: [x]", "9: targets[0].override[0]: a map of keys belongs here, not `x`"),
        (
            AZURE + "    override: [{team: x}]",
            "9: targets[0].override[0].when: is missing; say which are changed",
        ),
        (
            AZURE + "    override: [{when: {region: eastus}, team: x}]",
            "9: targets[0].override[0].when: `region: eastus` selects no target of this entry; did you mean `eastus2`?",
        ),
        (
            AZURE + "    override: [{when: {regin: x}}]",
            "9: targets[0].override[0].when: selects by `regin`, which no target has",
        ),
        (
            AZURE + "    override: [{when: all, for: {a: [b]}}]",
            "9: targets[0].override[0].for: has no place in an override",
        ),
        (
            AZURE + "    override:\n      - {when: {region: eastus2},\n         capacity: bought}",
            "11: targets[0].override[0].capacity: `bought` is not known; write one of shared, provisioned",
        ),
        (
            AZURE + "    override: [{when: all, labels: {team: x}}]",
            "9: targets[0].override[0].labels.team: is a label that",
        ),
        (
            "targets: [{name: a, except: [{a: b}]}]",
            "1: targets[0].except: has no effect without `for`; take it out",
        ),
        (
            f"models: {{m: {{ids: {{opnai: x}}}}}}\ntargets: [{LOCAL}]",
            "1: models.m.ids.opnai: unknown provider `opnai`; did you mean `openai`?",
        ),
        (
            f"models: {{m: {{clas: x}}}}\ntargets: [{LOCAL}]",
            "1: models.m.clas: unknown key `clas`; did you mean `class`?",
        ),
        (
            f"models: {{tiny: {{ids: {{openai: x}}}}}}\ntargets: [{LOCAL}]",
            "2: targets[0].model: `tiny` has no id for vllm; write models: {tiny: {ids: {vllm: ...}}}, or id: in the target",
        ),
        (
            f"defaults: [x]\ntargets: [{LOCAL}]",
            "1: defaults: a map belongs here, not a list; as in defaults: {target:",
        ),
        (
            f"defaults: {{targets: {{}}}}\ntargets: [{LOCAL}]",
            "1: defaults.targets: unknown key `targets`; did you mean `target`?",
        ),
        (
            f"defaults: {{target: x}}\ntargets: [{LOCAL}]",
            "1: defaults.target: a map of keys belongs here, not `x`",
        ),
        (
            f"defaults: {{target: {{name: x}}}}\ntargets: [{LOCAL}]",
            "1: defaults.target.name: belongs to one entry, not",
        ),
        (
            f"defaults:\n  target: {{taem: x}}\ntargets: [{LOCAL}]",
            "2: defaults.target.taem: unknown key `taem`; did you mean `team`?",
        ),
    ],
)
def test_a_mistake_points_to_where_it_was_written(text: str, told: str) -> None:
    found = findings(text)
    assert any(f"nephoscope.yaml:{told}" in finding for finding in found), found


def test_a_mistake_of_an_entry_is_told_once_and_not_for_each_combination() -> None:
    (finding,) = findings(AZURE.replace("provider: azure", "provider: azuer"))
    assert (
        finding == "nephoscope.yaml:6: targets[0].provider: unknown provider `azuer`; did you mean `azure`?"
    )


def test_fields_of_an_estate_are_carried_and_change_the_plan_but_the_way_out_does_not() -> None:
    """Rules that are made in one place fit an agent that goes out another way."""

    def plan(keys: str) -> Any:
        return loaded(f"networks: {{private: {{proxy: none}}}}\ntargets: [{LOCAL[:-1]}{keys}}}]").config

    bare = plan("")
    assert (bare.targets[0].network, bare.targets[0].quota, bare.targets[0].critical) == (
        "internet",
        None,
        False,
    )
    assert plan(", network: private").targets[0].network == "private"
    assert plan(", network: private").hash == bare.hash
    assert (
        len(
            {bare.hash, *(plan(key).hash for key in (", quota: q", ", capacity: shared", ", critical: true"))}
        )
        == 4
    )
