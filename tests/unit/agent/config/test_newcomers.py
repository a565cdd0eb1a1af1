"""The mistakes of the first hour: each is told in one sentence, where it stands, with what to write instead."""

import pytest

from probes import catalog
from support.configuration import findings, loaded

OPENAI = """targets:
  - name: openai
    provider: openai
    model: gpt-5-nano
    credentials: {api_key: "${OPENAI_API_KEY}"}
"""
AZURE = """targets:
  - name: azure
    provider: azure
    endpoint: https://bank.openai.azure.com
    credentials: {api_key: "${OPENAI_API_KEY}"}
"""


def told(text: str) -> str:
    """Return the one sentence that a text is refused with, without the name of the file."""
    (finding,) = findings(text)
    return finding.removeprefix("nephoscope.yaml:")


def test_a_key_one_column_off() -> None:
    assert told(OPENAI.replace("    model", "   model")) == (
        "4: cannot be read as YAML: the indentation does not match: keys of one map start in one column (begun on line 2)"
    )


def test_a_key_indented_under_a_value() -> None:
    assert told(OPENAI.replace("    model", "      model")) == (
        "4: cannot be read as YAML: a `: ` stands where none may be; put the value in quotes, or mend the indentation"
    )


def test_a_list_without_its_dash() -> None:
    assert told("targets:\n  name: openai\n  provider: openai\n") == (
        "1: targets: a list belongs here, not a map; begin each entry with a dash"
    )


def test_a_tab() -> None:
    assert told(OPENAI.replace("    model", "\tmodel")) == (
        "4: cannot be read as YAML: a tab stands where spaces are needed; indent with spaces"
    )


def test_no_space_behind_a_colon_and_the_value_is_not_told() -> None:
    """It may be a key."""
    found = findings("targets: [{name: t, provider: openai, model: m, credentials: {api_key:sk-planted}}]")
    assert (
        found[0]
        == "nephoscope.yaml:1: targets[0].credentials.api_key: has no space after its colon; write api_key: and the value"
    )
    assert "planted" not in "".join(found)


def test_an_unknown_key() -> None:
    assert (
        told(OPENAI + "    regoin: eu\n")
        == "6: targets[0].regoin: unknown key `regoin`; did you mean `region`?"
    )


def test_a_key_of_another_tools_vocabulary() -> None:
    assert told(OPENAI + "    base_url: https://x\n") == (
        "6: targets[0].base_url: unknown key `base_url`, which is called `endpoint` here"
    )
    assert told(OPENAI + "probes: [{name: chat, interval: 30s}]\n") == (
        "6: probes[0].interval: unknown key `interval`, which is called `every` here"
    )


def test_a_key_twice() -> None:
    assert told(OPENAI + "    model: gpt-5\n") == "6: targets[0].model: said twice, first on line 4; keep one"


def test_a_percentage_as_a_ratio() -> None:
    assert told(OPENAI + "objectives: [{name: up, sli: availability, percent: 0.999}]") == (
        "6: objectives[0].percent: 0.999 looks like a ratio; percent is out of 100: write 99.9"
    )


@pytest.mark.parametrize("percent", ['"99.9"', "99.9%", "99.9 %"])
def test_a_percentage_in_quotes_or_with_its_sign(percent: str) -> None:
    assert told(OPENAI + f"objectives: [{{name: up, sli: availability, percent: {percent}}}]") == (
        f"6: objectives[0].percent: `{percent.strip(chr(34))}` is not a percentage; write 99.9, without quotes and sign"
    )


def test_quotes_around_a_number() -> None:
    assert told(OPENAI + 'probes: [{name: chat, max_tokens: "256"}]') == (
        "6: probes[0].max_tokens: `256` is not a whole number from 1 to 1000000; write one, without quotes"
    )


def test_a_number_where_a_text_belongs() -> None:
    assert told(OPENAI + "    labels: {tier: 1}\n") == (
        "6: targets[0].labels.tier: is a number or a truth value as YAML reads it, not a text; put it in quotes"
    )


def test_an_unset_variable() -> None:
    assert told(OPENAI.replace("OPENAI_API_KEY", "MY_KEY")) == (
        "5: targets[0].credentials.api_key: the environment variable MY_KEY is not set; set it, or give a default"
    )


@pytest.mark.parametrize("reference", ["$OPENAI_API_KEY", "{{ OPENAI_API_KEY }}", "{{ env.OPENAI_API_KEY }}"])
def test_a_reference_as_a_shell_or_a_template_writes_it(reference: str) -> None:
    assert told(OPENAI.replace("${OPENAI_API_KEY}", reference)) == (
        "5: targets[0].credentials.api_key: is no reference as it is written; write ${NAME} with its braces"
    )


def test_a_reference_without_quotes_within_braces() -> None:
    assert told(OPENAI.replace('"${OPENAI_API_KEY}"', "${OPENAI_API_KEY}")) == (
        "5: cannot be read as YAML: a map opened with `{` is not closed, or lacks a comma; within braces a reference "
        'needs quotes: "${NAME}"'
    )


def test_a_key_where_credentials_belong_is_not_told() -> None:
    (finding,) = findings(OPENAI.replace('{api_key: "${OPENAI_API_KEY}"}', "sk-planted"))
    assert finding == (
        "nephoscope.yaml:5: targets[0].credentials: a map of keys belongs here, not a text; "
        'write credentials: {api_key: "${NAME}"}'
    )


def test_missing_credentials() -> None:
    assert told("targets: [{name: openai, provider: openai, model: gpt-5-nano}]") == (
        "1: targets[0].credentials: is missing: `openai` wants api_key or token or token_file; "
        'write credentials: {api_key: "${OPENAI_API_KEY}"}'
    )


def test_credentials_beside_their_place() -> None:
    found = findings('targets: [{name: openai, provider: openai, model: m, api_key: "${OPENAI_API_KEY}"}]')
    assert (
        "nephoscope.yaml:1: targets[0].api_key: unknown key `api_key`, which belongs under credentials: write credentials: {api_key: ...}"
        in found
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("opnai", "; did you mean `openai`?"),
        ("OpenAI", "; did you mean `openai`?"),
        ("azure_openai", "; did you mean `azure`?"),
        ("ollama", "; did you mean `openai-compatible`?"),
        ("open_router", "; did you mean `openrouter`?"),
        ("grok", "; did you mean `xai`?"),
        ("x", "; write one of " + ", ".join(sorted(catalog.PROVIDERS))),
    ],
)
def test_a_provider_misspelt_or_by_another_name(written: str, meant: str) -> None:
    assert told(OPENAI.replace("provider: openai", f"provider: {written}")) == (
        f"3: targets[0].provider: unknown provider `{written}`{meant}"
    )


@pytest.mark.parametrize("model", ["nano-prod", "gpt-5-nano"])
def test_a_deployment_in_place_of_a_model_and_a_model_where_a_deployment_is_due(model: str) -> None:
    """Which of the two it is cannot be known from here, and both may be alike: a warning."""
    (warning,) = loaded(f"{AZURE}    model: {model}\n").warnings
    assert warning == (
        f"nephoscope.yaml:6: targets[0].model: `{model}` is sent as the name of a deployment; write both, model: what "
        "answers, as in gpt-5-nano, and id: the deployment, even where they are alike"
    )
    assert not loaded(f"{AZURE}    model: {model}\n    id: {model}\n").warnings


def test_a_deployment_by_its_vendors_word() -> None:
    assert told(f"{AZURE}    model: gpt-5-nano\n    deployment: nano-prod\n") == (
        "7: targets[0].deployment: unknown key `deployment`, which is called `id` here: write id: and the name of the "
        "deployment"
    )


def test_a_missing_model() -> None:
    assert told(f"{AZURE}    id: nano-prod\n") == (
        "2: targets[0].model: is missing; say what answers, as in model: gpt-5-nano (id: says what the provider calls "
        "it, as a deployment)"
    )


@pytest.mark.parametrize(
    "path",
    [
        "/openai/deployments/nano-prod/chat/completions?api-version=2024-10-21",
        "/openai/deployments/nano-prod",
    ],
)
def test_the_address_of_a_call_in_place_of_a_base_url(path: str) -> None:
    text = f"{AZURE}    model: gpt-5-nano\n    id: nano-prod\n".replace("azure.com", f"azure.com{path}")
    assert told(text) == (
        "4: targets[0].endpoint: is the address of a single call, and ours is put behind it; write the base URL alone, "
        "without what follows the host or /v1"
    )


@pytest.mark.parametrize(
    ("every", "sentence"),
    [
        ("30", "30 has no unit; write 30s for seconds, or 30m for minutes"),
        ("2000", "2000 has no unit; write 2000ms for milliseconds, or 2000s for seconds"),
        ("30 sec", "`30 sec` is not a duration; write 30s"),
        ("22:30", "`22:30` is not a duration; write a number and a unit: 250ms, 30s, 5m, 1h, 28d"),
        ("no", "`no` is not a duration; write a number and a unit: 250ms, 30s, 5m, 1h, 28d"),
    ],
)
def test_a_duration_without_its_unit_and_what_older_yaml_would_misread(every: str, sentence: str) -> None:
    assert told(OPENAI + f"probes: [{{name: chat, every: {every}}}]") == f"6: probes[0].every: {sentence}"


def test_no_in_place_of_false() -> None:
    assert told(OPENAI + "    traceparent: no\n") == (
        "6: targets[0].traceparent: `no` is neither true nor false; write one of them, without quotes"
    )


def test_a_window_without_its_unit() -> None:
    assert told(OPENAI + "objectives: [{name: up, sli: availability, percent: 99.9, window: 28}]") == (
        "6: objectives[0].window: 28 has no unit; write 28d for days"
    )


@pytest.mark.parametrize(
    ("selector", "sentence"),
    [
        ("opnai", "`opnai` selects no target; did you mean `openai`?"),
        ("{team: sre}", "`team: sre` selects no target, for none has a team"),
        (
            "{env: prod}",
            (
                "selects by `env`, which no target has; for a label write label.env, else one of name, provider, "
                "cloud, region, model, class, team, network, quota, capacity, critical and not"
            ),
        ),
    ],
)
def test_a_selector_that_selects_nothing(selector: str, sentence: str) -> None:
    assert (
        told(OPENAI + f"probes: [{{name: chat, targets: {selector}}}]") == f"6: probes[0].targets: {sentence}"
    )


def test_a_glob_without_quotes() -> None:
    assert told(OPENAI + "probes: [{name: chat, targets: *azure}]") == (
        "6: `*azure` names no anchor above it; put it in quotes where a glob is meant"
    )


def test_an_objective_that_cannot_be_measured_at_its_interval() -> None:
    text = "probes: [{name: chat, every: 10m}]\nobjectives: [{name: up, sli: availability, percent: 99.99}]"
    assert told(OPENAI + text) == (
        "7: objectives[0]: objective up: at one probe every 10m the budget of 99.99 % over 28d holds 0.4 failures, so it "
        "cannot be measured at this interval; probe every 24s or more often, lengthen the window or lower the percent"
    )


def test_a_missing_threshold() -> None:
    assert told(OPENAI + "objectives: [{name: quick, sli: ttft, percent: 99}]") == (
        "6: objectives[0].under: is missing; say which ttft is still good, as in under: 2s"
    )


def test_braces_without_for() -> None:
    text = "targets: [{name: %s, provider: vllm, model: m, endpoint: '%s'}]"
    assert told(text % ("'vllm-{region}'", "http://localhost")) == (
        "1: targets[0].name: `vllm-{region}` cannot be a name; a {key} stands for a value of `for`, so write that beside it"
    )
    assert told(text % ("vllm", "http://{region}.internal")) == (
        "1: targets[0].endpoint: holds {...}, which stands for a value of `for`, and this entry has none; write for: beside it"
    )


def test_braces_without_quotes() -> None:
    assert told("targets:\n  - name: {region}-vllm\n    for: {region: [eu]}\n") == (
        "2: cannot be read as YAML: the indentation does not match, or a value that begins with a brace or a quote goes on "
        "behind it: entries of one list or map start in one column, and such a value needs quotes as a whole"
    )
