"""A key that stands where an identity is named is refused, and what a name refers to is told nowhere."""

import asyncio
import io
import json
from pathlib import Path

import pytest

from agent.cli import main
from agent.config.plan_file import write_plan
from agent.config.secrets import Secrets
from probes.base import SigningError, WireRequest
from probes.signers.google import Google
from support.configuration import findings, loaded

SECRET = "planted0secret0"
ACCOUNT = json.dumps({"type": "service_account", "private_key": f"-----BEGIN PRIVATE KEY-----\n{SECRET}"})
PROVIDERS = {
    "google": "provider: vertex, project: p, region: global",
    "aws": "provider: bedrock, region: us-east-1",
    "entra": 'provider: azure, id: d, endpoint: "https://h.example"',
    "oci": "provider: oci, region: us-chicago-1, compartment: c",
}
REMEDIES = {
    "google": "holds a key itself; write the path of its file, in google: /path/key.json",
    "aws": "holds a key itself, and aws names a profile; write aws: default, or an API key under api_key",
    "entra": "holds a key itself, and entra says where an identity is found; write entra: default, or an API key under api_key",
    "oci": "holds a key itself, and oci names a profile; write oci: default, or an API key under api_key",
}


def text(key: str, value: str) -> str:
    return f"targets: [{{name: t, model: m, {PROVIDERS[key]}, credentials: {{{key}: {json.dumps(value)}}}}}]"


@pytest.mark.parametrize("key", PROVIDERS)
@pytest.mark.parametrize(
    ("written", "held"),
    [
        ("${GKJSON}", {"GKJSON": ACCOUNT}),
        ("${SOME}", {"SOME": f"sk-{SECRET}"}),
        ("${SOME}", {"SOME": f"AKIA{SECRET.upper()}"}),
        ("${SOME}", {"SOME": f"AIza{SECRET}"}),
        ("${SOME}", {"SOME": SECRET * 20}),
        ("${SOME}", {"SOME": f"{SECRET}\nmore"}),
        ("${OPENAI_API_KEY}", {"OPENAI_API_KEY": SECRET}),
        ("${SOME}", {"SOME": SECRET, "Db_Password": SECRET}),
        ("session:${SOME}", {"SOME": SECRET, "MY_TOKEN": SECRET}),
        (f"${{SOME:-sk-{SECRET}}}", {}),
        (ACCOUNT, {}),
        (f"sk-{SECRET}", {}),
        (f"{SECRET}abcdefABCDEF0123456789", {}),
        ("${file:/run/secrets/key}", {}),
    ],
)
def test_a_key_in_place_of_a_name_is_refused_and_not_quoted(
    key: str, written: str, held: dict[str, str]
) -> None:
    (found,) = findings(text(key, written), held)
    assert found.startswith(f"nephoscope.yaml:1: targets[0].credentials.{key}: {REMEDIES[key]}")
    assert SECRET.lower() not in found.lower()


@pytest.mark.parametrize(
    ("key", "written", "held"),
    [
        ("google", "${GCP_KEY}", {"GCP_KEY": "/run/secrets/google/key"}),
        ("google", "~/.config/gcloud/key.json", {}),
        ("aws", "${AWS_PROFILE:-default}", {"API_KEY": "default"}),
        ("aws", "prober", {"API_KEY": "prober"}),
        ("oci", "session:SSO", {}),
        ("entra", "${MODE}", {"MODE": "workload"}),
    ],
)
def test_a_name_stands_in_the_plan_as_it_is_written(key: str, written: str, held: dict[str, str]) -> None:
    assert loaded(text(key, written), held).config.targets[0].credentials == {key: written}


def test_what_is_none_of_the_words_is_quoted_only_where_it_is_written() -> None:
    (found,) = findings(text("entra", "${MODE}"), {"MODE": "odd-word"})
    assert "credentials.entra: what it refers to is none of its words; write default or workload" in found
    assert "odd-word" not in found


def test_an_unset_name_is_told_where_names_are_looked_at() -> None:
    (found,) = findings(text("aws", "${PROFILE}"), {})
    assert "the environment variable PROFILE is not set" in found
    assert findings(text("aws", "${PROFILE}"), {}, no_secrets=True) == []


def test_a_key_in_a_mapping_is_not_quoted_either() -> None:
    given = text("google", "x").replace('"x"', f"{{private_key: {SECRET}}}")
    assert SECRET not in str(findings(given, {}))
    assert findings(given, {})


@pytest.mark.parametrize("flags", [(), ("--json",), ("--no-secrets",)])
def test_what_a_name_refers_to_is_in_no_output_of_check_and_in_no_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SOME", f"odd-{SECRET}")
    file = tmp_path / "a.yaml"
    file.write_text(text("google", "${SOME}") + "\nprobes: [{name: chat, every: 30s}]")
    out, err = io.StringIO(), io.StringIO()
    assert main(["check", "-c", str(file), *flags], out, err) == 0
    assert SECRET not in out.getvalue() + err.getvalue()
    config = loaded(file.read_text(), {"SOME": f"odd-{SECRET}"}).config
    plan = write_plan(tmp_path, config).read_text()
    assert "${SOME}" in plan
    assert SECRET not in plan


def test_a_signers_sentence_quotes_the_reference_and_a_text_no_value() -> None:
    environ = {"SOME": f"/nowhere/{SECRET}"}
    config = loaded(text("google", "${SOME}"), environ).config
    secrets = Secrets.of(config, environ)
    request = WireRequest(method="POST", url="https://h", headers={}, body=b"", streamed=False)
    with pytest.raises(SigningError) as raised:
        asyncio.run(Google().sign(request, config.targets[0], secrets))
    assert "credentials.google (${SOME})" in str(raised.value)
    assert SECRET not in str(raised.value)
    assert secrets.redact(f"The config profile ({environ['SOME']}) is not there") == (
        "The config profile ([redacted]) is not there"
    )


def test_a_word_that_a_name_refers_to_is_blotted_out_of_nothing() -> None:
    config = loaded(text("aws", "${P:-default}"), {}).config
    secrets = Secrets.of(config, {})
    assert secrets.resolve("${P:-default}") == "default"
    assert secrets.redact("the default profile") == "the default profile"
