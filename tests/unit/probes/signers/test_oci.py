"""Requests are signed as Oracle verifies them, and an identity that cannot be proven is a sentence with a code."""

import asyncio
import base64
import hashlib
import json
import pathlib
import sys
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import support.identity_libraries  # noqa: F401 - loaded before anybody waits for a token
from probes.base import SigningError, WireRequest
from probes.signers.oci import Oci
from probes.target import Target
from support.clouds.oci import TENANCY, USER, Verifier, profile, session_token
from support.secrets import FakeSecrets

NOW_S = 1_795_860_000.0
POST = WireRequest(
    method="POST",
    url="https://inference.generativeai.eu-frankfurt-1.oci.oraclecloud.com/20231130/actions/chat",
    headers={"content-type": "application/json", "accept": "text/event-stream"},
    body=b'{"compartmentId":"c"}',
    streamed=True,
)
GET = WireRequest(
    method="GET",
    url="https://generativeai.eu-frankfurt-1.oci.oraclecloud.com/20231130/models?compartmentId=a%3Ab",
    headers={"accept": "application/json"},
    body=b"",
    streamed=False,
)


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("OCI_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("OCI_METADATA_BASE_URL", "http://127.0.0.1:9/opc/v2")
    for name in ("OCI_CONFIG_PROFILE", "OCI_CLI_PROFILE", "OCI_RESOURCE_PRINCIPAL_VERSION"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def target(**credentials: str) -> Target:
    return Target(
        name="t",
        provider="oci",
        cloud="oci",
        model="m",
        model_id="m",
        endpoint="https://h",
        group="m",
        region="eu-frankfurt-1",
        compartment="c",
        credentials=credentials,
    )


def sign(
    name: str = "default",
    request: WireRequest = POST,
    *,
    signer: Oci | None = None,
    secrets: FakeSecrets | None = None,
) -> Mapping[str, str]:
    signer = signer or Oci(lambda: NOW_S)
    return asyncio.run(signer.sign(request, target(oci=name), secrets or FakeSecrets({})))


def refused(name: str) -> tuple[str | None, str]:
    with pytest.raises(SigningError) as caught:
        sign(name)
    return caught.value.code, str(caught.value)


def test_a_call_is_signed_over_all_that_is_sent(folder: pathlib.Path, key: rsa.RSAPrivateKey) -> None:
    fingerprint = profile(folder, key)
    signed = sign()
    assert signed["host"] == "inference.generativeai.eu-frankfurt-1.oci.oraclecloud.com"
    assert signed["content-length"] == str(len(POST.body))
    assert signed["x-content-sha256"] == base64.b64encode(hashlib.sha256(POST.body).digest()).decode()
    assert signed["date"] == "Sat, 28 Nov 2026 10:00:00 GMT"
    verifier = Verifier(key.public_key(), f"{TENANCY}/{USER}/{fingerprint}", lambda: NOW_S)
    assert verifier.wrong("POST", "/20231130/actions/chat", signed, POST.body) is None
    assert verifier.wrong("POST", "/20231130/actions/chat", signed, POST.body + b" ") is not None
    assert verifier.wrong("POST", "/another", signed, POST.body) is not None


def test_a_question_without_a_body_is_signed_over_its_query(
    folder: pathlib.Path, key: rsa.RSAPrivateKey
) -> None:
    fingerprint = profile(folder, key)
    signed = sign(request=GET)
    assert 'headers="date (request-target) host"' in signed["authorization"]
    assert not {"content-length", "x-content-sha256"} & set(signed)
    verifier = Verifier(key.public_key(), f"{TENANCY}/{USER}/{fingerprint}", lambda: NOW_S)
    assert verifier.wrong("GET", "/20231130/models?compartmentId=a%3Ab", signed, b"") is None
    assert verifier.wrong("GET", "/20231130/models?compartmentId=b", signed, b"") is not None


def test_a_profile_is_named_by_the_target_or_the_environment(
    folder: pathlib.Path, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "ocid1.user.oc1..other"
    profile(folder, key)
    profile(folder, key, "PROD", user=other)
    assert other in sign("PROD")["authorization"]
    assert USER in sign()["authorization"]
    monkeypatch.setenv("OCI_CONFIG_PROFILE", "PROD")
    assert other in sign()["authorization"]


def test_a_session_signs_with_its_token_which_is_blotted_out(
    folder: pathlib.Path, key: rsa.RSAPrivateKey
) -> None:
    token = session_token(NOW_S + 3600)
    profile(folder, key, "SSO", token=token)
    secrets = FakeSecrets({})
    assert f'keyId="ST${token}"' in sign("session:SSO", secrets=secrets)["authorization"]
    assert secrets.learnt == {token}


def test_a_key_with_a_pass_phrase_is_opened_by_the_profiles(
    folder: pathlib.Path, key: rsa.RSAPrivateKey
) -> None:
    profile(folder, key, pass_phrase="correct horse")
    assert sign()["authorization"].startswith("Signature ")


def test_a_profile_that_cannot_be_used_is_a_sentence_with_a_code(
    folder: pathlib.Path, key: rsa.RSAPrivateKey
) -> None:
    code, said = refused("default")
    assert code == "no_config_file"
    assert f"there is no configuration file {folder / 'config'}: run `oci setup config`" in said
    profile(folder, key)
    assert refused("PROD")[0] == "no_profile"
    profile(folder, key, "LOCKED", pass_phrase="secret words", told=False)
    code, said = refused("LOCKED")
    assert code == "key_passphrase"
    assert "write pass_phrase there" in said
    assert "secret words" not in said
    profile(folder, key, "WRONG", pass_phrase="one", told="two")
    assert refused("WRONG")[0] == "bad_key"
    profile(folder, key, "ODD", user="me", fingerprint="12:34")
    code, said = refused("ODD")
    assert code == "bad_profile"
    assert "fingerprint is malformed and user is malformed: run `oci setup config`" in said
    profile(folder, key, "GONE")
    (folder / "GONE.pem").unlink()
    assert refused("GONE")[0] == "no_key_file"


def test_a_broken_file_is_a_sentence_that_quotes_nothing_of_it(folder: pathlib.Path) -> None:
    (folder / "config").write_text("pass_phrase=hunter2\n")
    code, said = refused("default")
    assert (code, "hunter2" in said) == ("bad_profile", False)


def test_a_session_that_ended_or_is_none_says_how_to_begin_one(
    folder: pathlib.Path, key: rsa.RSAPrivateKey
) -> None:
    profile(folder, key, "SSO", token=session_token(NOW_S - 1))
    profile(folder, key, "PROD")
    code, said = refused("session:SSO")
    assert code == "token_expired"
    assert "run `oci session authenticate --profile-name SSO`" in said
    assert refused("session:PROD")[0] == "no_session"
    assert refused("SSO")[0] == "session_profile"
    (folder / "SSO.token").unlink()
    assert refused("session:SSO")[0] == "no_key_file"


def test_a_refreshed_session_is_another_identity_and_a_refused_key_is_none(
    folder: pathlib.Path, key: rsa.RSAPrivateKey
) -> None:
    profile(folder, key)
    profile(folder, key, "SSO", token=session_token(NOW_S + 3600))
    signer, secrets = Oci(lambda: NOW_S), FakeSecrets({})

    async def renewed(name: str, signed: Mapping[str, str]) -> bool:
        return await signer.renewed(signed, POST, target(oci=name), secrets)

    signed = sign("session:SSO", signer=signer)
    assert not asyncio.run(renewed("session:SSO", signed))
    (folder / "SSO.token").write_text(session_token(NOW_S + 7200))
    assert sign("session:SSO", signer=signer)["authorization"] == signed["authorization"]
    assert asyncio.run(renewed("session:SSO", signed))
    assert sign("session:SSO", signer=signer)["authorization"] != signed["authorization"]
    assert not asyncio.run(renewed("default", sign(signer=signer)))


def test_a_resource_principal_signs_with_the_token_that_its_surroundings_give(
    folder: pathlib.Path, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = refused("resource")
    assert code == "no_resource_principal"
    assert said.startswith(
        "this process has no resource principal: it needs the variables OCI_RESOURCE_PRINCIPAL_*"
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(pem)
    (folder / "rpst").write_text(token := session_token(NOW_S + 3600))
    monkeypatch.setenv("OCI_RESOURCE_PRINCIPAL_VERSION", "2.2")
    code, said = refused("resource")
    assert (code, "look at what the variables OCI_RESOURCE_PRINCIPAL_* say" in said) == (
        "bad_resource_principal",
        True,
    )
    monkeypatch.setenv("OCI_RESOURCE_PRINCIPAL_RPST", str(folder / "rpst"))
    monkeypatch.setenv("OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM", str(folder / "key.pem"))
    assert f"ST${token}" in sign("resource")["authorization"]
    (folder / "rpst").write_text(session_token(NOW_S - 1))
    assert refused("resource")[0] == "token_expired"


def test_a_missing_library_is_a_sentence(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "oci", None)
    assert refused("default") == (
        "missing_extra",
        "target t needs nephoscope[oci]: pip install 'nephoscope[oci]'",
    )


def test_an_api_key_goes_behind_bearer_and_lists_no_models() -> None:
    known = {"KEY": "sk-1"}
    signer, asked = Oci(), target(api_key="${KEY}")
    signed = asyncio.run(signer.sign(POST, asked, FakeSecrets(known)))
    assert signed == {"authorization": "Bearer sk-1"}
    assert not asyncio.run(signer.renewed(signed, POST, asked, FakeSecrets(known)))
    assert asyncio.run(signer.renewed(signed, POST, asked, FakeSecrets({"KEY": "sk-2"})))
    with pytest.raises(SigningError, match="takes no API key") as caught:
        asyncio.run(signer.sign(GET, asked, FakeSecrets(known)))
    assert caught.value.code == "needs_iam"
    with pytest.raises(
        SigningError, match=r"target t has no credentials: give it credentials: \{oci: default\}"
    ):
        asyncio.run(signer.sign(POST, target(), FakeSecrets({})))


def test_a_token_that_says_nothing_of_its_end_is_kept(folder: pathlib.Path, key: rsa.RSAPrivateKey) -> None:
    for name, claims in {"A": b"{}", "B": b"[]", "C": b"no json"}.items():
        token = "x." + base64.urlsafe_b64encode(claims).decode().rstrip("=") + ".y"
        profile(folder, key, name, token=token)
        assert f"ST${token}" in sign(f"session:{name}")["authorization"]
    assert json.loads(base64.urlsafe_b64decode(session_token(1.0).split(".")[1] + "=="))["exp"] == 1
