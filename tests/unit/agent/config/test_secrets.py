"""Secrets: resolved late, read anew, and blotted out of texts."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.model import Config
from agent.config.read import read
from agent.config.secrets import MAX_KNOWN, Secrets
from agent.errors import ConfigError
from probes.base import SigningError
from support.configuration import ENVIRON, HOST, findings, loaded


def test_a_rotated_file_is_read_anew_and_both_secrets_stay_out_of_texts(tmp_path: Path) -> None:
    file = tmp_path / "key"
    secrets = Secrets({})
    seen = []
    for key in ("first-key", "second-key"):
        file.write_text(f"{key}\n")
        seen.append(secrets.resolve(f"Bearer ${{file:{file}}}"))
    assert seen == ["Bearer first-key", "Bearer second-key"]
    assert secrets.redact("first-key and second-key") == "[redacted] and [redacted]"


@pytest.mark.parametrize("text", ["${NOPE}", "${EMPTY}", "${file:/nowhere/at/all}", "${"])
def test_what_cannot_be_resolved_is_a_signing_error_with_a_sentence(text: str) -> None:
    with pytest.raises(SigningError, match=r"; (set|write) "):
        Secrets(ENVIRON).resolve(text)


@given(st.text(min_size=6, max_size=40), st.text(max_size=5), st.text(max_size=5))
def test_a_resolved_secret_is_found_in_every_encoding(secret: str, before: str, after: str) -> None:
    """Plain, in JSON, in a URL, and in the base64 of `user:secret` whatever stands before it."""
    if not secret.isprintable():
        return
    secrets = Secrets({"KEY": secret})
    secrets.resolve("${KEY}")
    assert secret not in secrets.redact(f"{before}{secret}{after}").replace("[redacted]", "")
    assert quote(secret, safe="") not in secrets.redact(quote(before + secret, safe="")).replace(
        "[redacted]", ""
    )
    assert "[redacted]" in secrets.redact(json.dumps(before + secret + after))
    if len(secret.encode()) >= 8:
        assert "[redacted]" in secrets.redact(base64.b64encode((before + secret + after).encode()).decode())
        assert "[redacted]" in secrets.redact(base64.urlsafe_b64encode((before + secret).encode()).decode())


def test_a_short_value_is_not_blotted() -> None:
    """Else a one-letter secret would blot out every text."""
    secrets = Secrets({"A": "a"})
    secrets.resolve("${A}")
    assert secrets.redact("banana") == "banana"


def test_what_a_reference_brings_into_a_url_cannot_move_its_host() -> None:
    secrets = Secrets({"PW": "p@ss/w:rd#1", "DSN": "postgresql://u:p%40@db/x"})
    assert secrets.resolve_url("postgresql://me:${PW}@db:5/x") == "postgresql://me:p%40ss%2Fw%3Ard%231@db:5/x"
    assert secrets.resolve_url("${DSN}") == "postgresql://u:p%40@db/x"


def test_memory_of_rotated_secrets_is_bounded(tmp_path: Path) -> None:
    secrets = Secrets({}, known=(f"secret-{n}" for n in range(MAX_KNOWN + 1)))
    assert secrets.redact(f"secret-0, secret-{MAX_KNOWN}!") == "secret-0, [redacted]!"


def test_what_a_plan_refers_to_or_spells_out_is_known_from_the_start(tmp_path: Path) -> None:
    """Credentials, telling headers, passwords in URLs and the heartbeat; never an innocent header."""
    token = tmp_path / "token"
    token.write_text("rotating-token\n")
    config = loaded(
        f"""
vantage: x
targets:
  - {{name: a, provider: openai, model: m, credentials: {{api_key: "${{OPENAI_API_KEY}}"}}}}
  - {{name: b, provider: openai, model: m, credentials: {{api_key: spelled-out-key}}}}
  - name: c
    provider: vllm
    model: m
    endpoint: https://vllm.example
    credentials: {{token_file: {token}}}
    headers: {{x-portkey-provider: openai-eu, x-api-token: header-secret, x-other: "${{OTHER}}"}}
    proxy: http://me:proxy-pass@proxy:3128
storage: {{url: "postgresql://me:pass%40word@pg/x?sslmode=verify-full"}}
alerts: {{heartbeat: {{url: "https://deadman.example/0123456789"}}}}
""",
        ENVIRON | {"OTHER": "other-secret"},
    ).config
    secrets = Secrets.of(config, ENVIRON | {"OTHER": "other-secret"})
    planted = [
        ENVIRON["OPENAI_API_KEY"],
        "spelled-out-key",
        "rotating-token",
        "header-secret",
        "other-secret",
        "proxy-pass",
        "pass@word",
        "https://deadman.example/0123456789",
    ]
    assert [secrets.redact(text) for text in planted] == ["[redacted]"] * len(planted)
    assert secrets.redact(f"openai-eu at {token}") == f"openai-eu at {token}"


def test_where_an_identity_is_found_is_no_secret() -> None:
    """Else a sentence on workload identity could not say what it is about."""
    config = loaded(
        'targets: [{name: a, provider: azure, endpoint: "https://h", model: m, id: m, credentials: {entra: workload}}]'
    ).config
    said = "workload identity is not set up"
    assert Secrets.of(config, {}).redact(said) == said


def test_a_plan_whose_secrets_are_not_there_yet_still_yields_secrets() -> None:
    config = loaded(
        'targets: [{name: a, provider: openai, model: m, credentials: {api_key: "${X}"}}]', no_secrets=True
    )
    assert Secrets.of(config.config, {}).redact("nothing") == "nothing"


def test_a_password_spelled_out_beside_references_is_known() -> None:
    environ = {"PROXY": "proxy.bank", "MORE": "-and-more"}
    config = loaded(
        """
targets:
  - {name: a, provider: vllm, model: m, endpoint: "http://localhost:1", proxy: "http://me:spelled%40out@${PROXY}:3128"}
  - {name: b, provider: vllm, model: m, endpoint: "http://localhost:1", proxy: "http://me:begun-here${MORE}@proxy:3128"}
""",
        environ,
    ).config
    said = Secrets.of(config, environ).redact("spelled%40out, spelled@out, begun-here")
    assert said == "[redacted], [redacted], [redacted]"


MOUNTED = """
vantage: x
secrets: {dir: secrets}
networks: {internet: {proxy: "http://me:${secret:proxy/password}@proxy:3128"}}
targets:
  - {name: a, provider: openai, model: m, credentials: {api_key: "${secret:openai/api_key}"}, headers: {x-team: "${secret:team}"}}
storage: {host: pg.internal, password: "${secret:pg/password}"}
alerts: {heartbeat: {url: "https://deadman.example/${secret:deadman/token}"}}
"""
HELD = {
    "openai/api_key": "sk-planted-one",
    "team": "team-secret",
    "proxy/password": "proxy@secret",
    "pg/password": "pg/secret",
    "deadman/token": "deadman-token",
}


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A configuration beside its folder of secrets."""
    for name, content in HELD.items():
        file = tmp_path / "secrets" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n")
    (tmp_path / "nephoscope.yaml").write_text(MOUNTED)
    return tmp_path / "nephoscope.yaml"


def test_every_place_of_a_secret_takes_one_from_the_folder(mounted: Path) -> None:
    """Credentials, headers, proxies, the database's password, the heartbeat; what comes into a URL is escaped."""
    config = read(mounted, {}, host=HOST).config
    secrets = Secrets.of(config, {})
    (target,) = config.targets
    assert secrets.resolve(target.credentials["api_key"]) == "sk-planted-one"
    assert secrets.resolve(target.headers["x-team"]) == "team-secret"
    assert secrets.resolve_url(target.path.proxy) == "http://me:proxy%40secret@proxy:3128"
    assert secrets.resolve_url(config.storage.url or "").startswith(
        "postgresql://nephoscope:pg%2Fsecret@pg.internal/"
    )
    assert config.heartbeat is not None
    assert secrets.resolve(config.heartbeat.url) == "https://deadman.example/deadman-token"


def test_a_plan_keeps_references_and_a_text_no_secret_before_or_after_a_rotation(mounted: Path) -> None:
    config = read(mounted, {}, host=HOST).config
    plan = config.encode().decode()
    assert not [content for content in HELD.values() if content in plan or quote(content, safe="") in plan]
    secrets = Secrets.of(Config.decode(config.encode()), {})
    (mounted.parent / "secrets/openai/api_key").write_text("sk-planted-second")
    assert secrets.resolve("${secret:openai/api_key}") == "sk-planted-second"
    told = secrets.redact(" ".join([*HELD.values(), "sk-planted-second"]))
    assert told == " ".join(["[redacted]"] * (len(HELD) + 1))


def test_forgetting_a_file_does_not_forget_that_it_was_secret(mounted: Path) -> None:
    secrets = Secrets.of(read(mounted, {}, host=HOST).config, {})
    secrets.forget()
    assert secrets.redact("sk-planted-one") == "[redacted]"


def test_secrets_that_are_not_mounted_pass_where_they_are_not_asked_for(mounted: Path) -> None:
    """As in CI; elsewhere each is told by the path at which it was looked for."""
    (mounted.parent / "secrets").rename(mounted.parent / "elsewhere")
    assert read(mounted, {}, no_secrets=True, host=HOST).config.secrets_dir == str(mounted.parent / "secrets")
    with pytest.raises(ConfigError) as caught:
        read(mounted, {}, host=HOST)
    assert len(caught.value.findings) == len(HELD)
    missing = mounted.parent / "secrets/openai/api_key"
    assert f"credentials.api_key: the file {missing} cannot be read (No such file" in str(caught.value)


@pytest.mark.parametrize("no_secrets", [False, True])
def test_a_secret_without_a_folder_is_refused_in_ci_too(*, no_secrets: bool) -> None:
    """It could be found nowhere."""
    (finding,) = findings(
        'targets: [{name: a, provider: openai, model: m, credentials: {api_key: "${secret:a/b}"}}]',
        no_secrets=no_secrets,
    )
    assert (
        "credentials.api_key: `${secret:a/b}` has no folder to be found in; write secrets: {dir: " in finding
    )
