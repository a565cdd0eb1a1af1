"""Google's token is got once, by its own library, from loopback services; what goes wrong is said in Google's words."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

import support.identity_libraries  # noqa: F401 - loaded before anybody waits for a token
from probes.base import SigningError, WireRequest
from probes.result import Outcome
from probes.signers import google
from probes.signers.google import Google
from probes.target import Path as Way
from probes.target import Target
from support.clouds.google import ACCOUNT, Metadata, ServiceAccount, TokenEndpoint, told
from support.secrets import FakeSecrets
from support.wireserver import Peer, Script, WireServer, refusing

REQUEST = WireRequest(method="POST", url="https://h", headers={}, body=b"", streamed=True)


@pytest.fixture(scope="module")
def account() -> ServiceAccount:
    return ServiceAccount()


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave nothing of this machine's to be found."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_QUOTA_PROJECT", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))


def target(source: str | Path, *, proxy: str = "none", **credentials: str) -> Target:
    return Target(
        name="t",
        provider="vertex",
        cloud="gcp",
        model="m",
        model_id="m",
        endpoint="https://h",
        group="m",
        credentials=credentials or {"google": str(source)},
        path=Way(proxy=proxy),
    )


async def sign(signer: Google, asked: Target, secrets: FakeSecrets | None = None) -> Mapping[str, str]:
    return await signer.sign(REQUEST, asked, secrets or FakeSecrets({}))


def served(script: Script, use: Callable[[WireServer], Awaitable[None]]) -> None:
    async def run() -> None:
        async with WireServer(script) as server:
            await use(server)

    asyncio.run(run())


async def failure(signer: Google, asked: Target) -> SigningError:
    with pytest.raises(SigningError) as raised:
        await sign(signer, asked)
    return raised.value


@pytest.mark.parametrize(
    ("signer", "credentials", "expected"),
    [
        (Google(), {"api_key": "${KEY}"}, {"x-goog-api-key": "k-1"}),
        (Google("authorization"), {"api_key": "${KEY}"}, {"authorization": "Bearer k-1"}),
        (Google(), {"token": "${KEY}"}, {"authorization": "Bearer k-1"}),
        (Google(), {"token_file": "/run/token"}, {"authorization": "Bearer t-1"}),
    ],
)
def test_a_key_or_token_that_is_there_is_sent_as_it_stands(
    signer: Google, credentials: dict[str, str], expected: dict[str, str]
) -> None:
    secrets = FakeSecrets({"KEY": "k-1", "file:/run/token": "t-1\n"})
    asked = target("", **credentials)
    assert asyncio.run(sign(signer, asked, secrets)) == expected
    assert not asyncio.run(signer.renewed(expected, REQUEST, asked, secrets))


def test_without_credentials_there_is_a_sentence() -> None:
    error = asyncio.run(failure(Google(), target("", entra="x")))
    assert "has no credentials: give it credentials: {google: default}" in str(error)


def test_a_service_accounts_token_is_got_once_and_learnt(account: ServiceAccount, tmp_path: Path) -> None:
    """Its JWT is signed with the account's key, and asks for one hour of the one scope."""
    endpoint, signer, secrets = TokenEndpoint(account), Google(), FakeSecrets({})

    async def use(server: WireServer) -> None:
        asked = target(account.file(tmp_path, f"{server.url}/token"))
        for _ in range(3):
            assert await sign(signer, asked, secrets) == {"authorization": "Bearer token-1"}
        (claims,) = endpoint.asked
        assert claims["exp"] - claims["iat"] == 3600
        assert secrets.learnt == {"token-1"}

    served(endpoint, use)


@pytest.mark.parametrize("same", [False, True])
def test_after_a_refusal_the_token_is_got_anew_and_compared(
    account: ServiceAccount,
    tmp_path: Path,
    same: bool,  # noqa: FBT001 - pytest passes by name
) -> None:
    endpoint, signer, secrets = TokenEndpoint(account, same=same), Google(), FakeSecrets({})

    async def use(server: WireServer) -> None:
        asked = target(account.file(tmp_path, f"{server.url}/token"))
        signed = await sign(signer, asked, secrets)
        assert await signer.renewed(signed, REQUEST, asked, secrets) is not same
        assert len(endpoint.asked) == 2
        assert (await sign(signer, asked, secrets) == signed) is same

    served(endpoint, use)


PERSON = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}


def test_a_token_that_is_refused_as_well_is_believed_for_five_minutes(
    account: ServiceAccount, tmp_path: Path
) -> None:
    """Neither is the endpoint asked twice in each slot, nor Google for a token."""
    endpoint, now_s = TokenEndpoint(account), [0.0]
    signer = Google(now_s=lambda: now_s[0])

    async def use(server: WireServer) -> None:
        asked, secrets = target(account.file(tmp_path, f"{server.url}/token")), FakeSecrets({})
        first = await sign(signer, asked, secrets)
        assert await signer.renewed(first, REQUEST, asked, secrets)
        second = await sign(signer, asked, secrets)
        now_s[0] = 299.0
        assert not await signer.renewed(second, REQUEST, asked, secrets)
        assert await signer.renewed(first, REQUEST, asked, secrets), "another target got it anew meanwhile"
        assert len(endpoint.asked) == 2
        now_s[0] = 301.0
        assert await signer.renewed(second, REQUEST, asked, secrets)

    served(endpoint, use)


def test_the_quota_project_goes_along_where_the_environment_names_one(
    account: ServiceAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use(server: WireServer) -> None:
        monkeypatch.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "payer")
        signed = await sign(Google(), target(account.file(tmp_path, f"{server.url}/token")))
        assert signed == {"authorization": "Bearer token-1", "x-goog-user-project": "payer"}

    served(TokenEndpoint(account), use)


def test_the_default_is_the_file_that_googles_variable_names(
    account: ServiceAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use(server: WireServer) -> None:
        file = account.file(tmp_path, f"{server.url}/token")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        assert await sign(Google(), target("default")) == {"authorization": "Bearer token-1"}
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "gone.json"))
        error = await failure(Google(), target("default"))
        assert (error.code, error.outcome) == ("missing_file", Outcome.CONFIG)

    served(TokenEndpoint(account), use)


def grant(description: str, error: str = "invalid_grant") -> bytes:
    return told({"error": error, "error_description": description}, "400 Bad Request")


PORTAL = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 12\r\n\r\n<p>Log in</p>"


@pytest.mark.parametrize(
    ("answer", "code", "outcome", "remedy"),
    [
        (
            grant("Invalid JWT Signature."),
            "invalid_grant",
            Outcome.CONFIG,
            "was deleted, disabled or has expired",
        ),
        (
            grant(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat."
            ),
            "clock_skew",
            Outcome.CONFIG,
            "the clock of this machine is off",
        ),
        (grant("Invalid grant: account not found"), "invalid_grant", Outcome.CONFIG, "account was deleted"),
        (
            grant("The OAuth client was disabled.", "disabled_client"),
            "invalid_grant",
            Outcome.CONFIG,
            "enable it",
        ),
        (grant("no", "access_denied"), "access_denied", Outcome.CONFIG, "rights of its account"),
        (
            grant("no", "invalid_request"),
            "invalid_request",
            Outcome.CONFIG,
            "the service account's key was refused",
        ),
        (
            told({"error": {"code": 401, "message": "invalid_target"}}, "401 Unauthorized"),
            "credentials",
            Outcome.CONFIG,
            "the service account's key was refused",
        ),
        (
            PORTAL,
            "identity_service",
            Outcome.SERVER_ERROR,
            "127.0.0.1 answered 200 with something that is no token",
        ),
        (told({}), "identity_service", Outcome.SERVER_ERROR, "look for a proxy on the way"),
        (
            told({}, "500 Oops"),
            "identity_service",
            Outcome.SERVER_ERROR,
            "answered 500 to the request for a token",
        ),
        (told({}, "503 Busy"), "identity_service", Outcome.SERVER_ERROR, "answered 503"),
        (told({}, "429 Slow"), "identity_service", Outcome.SERVER_ERROR, "answered 429"),
    ],
)
def test_what_the_token_endpoint_says_is_a_sentence_and_it_is_asked_once(
    account: ServiceAccount, tmp_path: Path, answer: bytes, code: str, outcome: Outcome, remedy: str
) -> None:
    endpoint = TokenEndpoint(account, trouble=answer)

    async def use(server: WireServer) -> None:
        error = await failure(Google(), target(account.file(tmp_path, f"{server.url}/token")))
        assert (error.code, error.outcome) == (code, outcome)
        assert remedy in str(error)
        assert "PRIVATE KEY" not in str(error)
        assert len(endpoint.asked) == 1

    served(endpoint, use)


def test_a_token_endpoint_that_hangs_or_is_not_there_is_told_as_what_it_is(
    account: ServiceAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google, "_TRY_S", 0.05)
    endpoint = TokenEndpoint(account, hangs=True)

    async def use(server: WireServer) -> None:
        error = await failure(Google(), target(account.file(tmp_path, f"{server.url}/token")))
        assert (error.code, error.outcome) == ("identity_service", Outcome.SERVER_ERROR)
        assert "did not answer" in str(error)
        async with refusing() as port:
            file = account.file(tmp_path, f"http://127.0.0.1:{port}/token")
            error = await failure(Google(), target(file))
        assert (error.code, error.outcome) == ("identity_unreachable", Outcome.CONNECT_REFUSED)
        error = await failure(Google(), target(account.file(tmp_path, "http://token.invalid/token")))
        assert (error.code, error.outcome) == ("identity_unreachable", Outcome.DNS)

    served(endpoint, use)


def test_the_token_is_got_through_the_targets_own_proxy(account: ServiceAccount, tmp_path: Path) -> None:
    endpoint = TokenEndpoint(account)

    async def use(server: WireServer) -> None:
        file = account.file(tmp_path, "http://oauth2.invalid/token")
        assert await sign(Google(), target(file, proxy=server.url)) == {"authorization": "Bearer token-1"}
        assert endpoint.targets == ["http://oauth2.invalid/token"]

    served(endpoint, use)


@pytest.mark.parametrize(
    ("text", "code", "remedy"),
    [
        (None, "missing_file", "there is no such file"),
        ("{", "malformed_credentials", "download the key anew"),
        ("[]", "malformed_credentials", "the file has no `type`"),
        ("{}", "malformed_credentials", "the file has no `type`"),
        ('{"type": "gizmo"}', "malformed_credentials", "holds no credentials of Google's"),
        ('{"type": "service_account"}', "malformed_credentials", "holds no credentials of Google's"),
        (
            json.dumps(
                {
                    "type": "service_account",
                    "client_email": ACCOUNT,
                    "token_uri": "http://h",
                    "private_key": "x",
                }
            ),
            "malformed_credentials",
            "holds no credentials of Google's",
        ),
        ('{"type": "authorized_user", "client_id": "c"}', "malformed_credentials", "holds no credentials"),
        ('{"type": "external_account"}', "malformed_credentials", "holds no credentials"),
    ],
)
def test_a_file_that_is_none_of_googles_is_said(
    tmp_path: Path, text: str | None, code: str, remedy: str
) -> None:
    file = tmp_path / "credentials.json"
    if text is not None:
        file.write_text(text)
    error = asyncio.run(failure(Google(), target(file)))
    assert (error.code, error.outcome) == (code, Outcome.CONFIG)
    assert remedy in str(error)
    assert f"credentials.google ({file})" in str(error)
    assert ("it says" in str(error)) is (text not in {None, "[]", "{}"})


def test_a_folder_in_a_files_place_is_said(tmp_path: Path) -> None:
    error = asyncio.run(failure(Google(), target(tmp_path)))
    assert (error.code, error.outcome) == ("unreadable_file", Outcome.CONFIG)
    assert str(error).endswith("it is a folder: name the file in it")


@pytest.mark.parametrize("revoked", [False, True])
def test_a_persons_credentials_give_a_token_for_their_project_or_were_revoked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    revoked: bool,  # noqa: FBT001 - pytest passes by name
) -> None:
    forms: list[bytes] = []
    granted = told({"access_token": "person-1", "expires_in": 3599, "token_type": "Bearer"})

    async def script(peer: Peer) -> None:
        forms.append((await peer.request()).body)
        await peer.send(grant("Token has been expired or revoked.") if revoked else granted)

    async def use(server: WireServer) -> None:
        # The library asks Google's own endpoint for people, whatever their file says.
        monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", f"{server.url}/token")
        file = tmp_path / "adc.json"
        file.write_text(json.dumps({**PERSON, "quota_project_id": "payer"}))
        if revoked:
            error = await failure(Google(), target(file))
            assert (error.code, error.outcome) == ("invalid_grant", Outcome.CONFIG)
            assert "gcloud auth application-default login" in str(error)
        else:
            signed = await sign(Google(), target(file))
            assert signed == {"authorization": "Bearer person-1", "x-goog-user-project": "payer"}
        assert b"grant_type=refresh_token" in forms[0]

    served(script, use)


def test_a_workloads_own_token_is_exchanged_by_its_federation(tmp_path: Path) -> None:
    forms: list[bytes] = []
    granted = {"access_token": "federated-1", "expires_in": 3599, "token_type": "Bearer"}
    granted["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token"

    async def script(peer: Peer) -> None:
        forms.append((await peer.request()).body)
        await peer.send(told(granted))

    async def use(server: WireServer) -> None:
        (tmp_path / "subject").write_text("workload-1")
        file = tmp_path / "federation.json"
        file.write_text(
            json.dumps(
                {
                    "type": "external_account",
                    "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
                    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                    "token_url": f"{server.url}/v1/token",
                    "credential_source": {"file": str(tmp_path / "subject")},
                }
            )
        )
        assert await sign(Google(), target(file)) == {"authorization": "Bearer federated-1"}
        assert b"subject_token=workload-1" in forms[0]

    served(script, use)


def machine(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Have the library find its metadata server there; it reads one of the two variables when it is imported."""
    monkeypatch.setenv("GCE_METADATA_IP", host)
    monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", host)


def test_a_machines_token_comes_from_its_metadata_server_past_any_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    metadata = Metadata()

    async def use(server: WireServer) -> None:
        machine(monkeypatch, f"127.0.0.1:{server.port}")
        asked = target("default", proxy="http://127.0.0.1:1")
        assert await sign(Google(), asked) == {"authorization": "Bearer machine-1"}
        assert metadata.asked[-1] == "/computeMetadata/v1/instance/service-accounts/default/token"

    served(metadata, use)


def test_where_nothing_is_found_and_no_metadata_server_answers_google_is_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its library would ask three times, and wait three seconds each time."""
    monkeypatch.setattr(google, "_TRY_S", 0.05)
    metadata = Metadata(hangs=True)

    async def use(server: WireServer) -> None:
        machine(monkeypatch, f"127.0.0.1:{server.port}")
        error = await failure(Google(), target("default"))
        assert (error.code, error.outcome) == ("no_default_credentials", Outcome.CONFIG)
        assert "set GOOGLE_APPLICATION_CREDENTIALS" in str(error)
        assert metadata.asked == ["/"]

    served(metadata, use)


@pytest.mark.parametrize("path", ["/default/", "/token", "/project-id"])
def test_a_metadata_server_that_fails_is_googles_failing(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    metadata = Metadata(troubles={path: told({}, "503 Busy")})

    async def use(server: WireServer) -> None:
        machine(monkeypatch, f"127.0.0.1:{server.port}")
        error = await failure(Google(), target("default"))
        assert (error.code, error.outcome) == ("identity_service", Outcome.SERVER_ERROR)
        assert len([asked for asked in metadata.asked if asked.endswith(path)]) == 1

    served(metadata, use)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth.exceptions", None)
    error = asyncio.run(failure(Google(), target("default")))
    assert (error.code, error.outcome) == ("missing_extra", Outcome.CONFIG)
    assert str(error) == "target t needs nephoscope[google]: pip install 'nephoscope[google]'"
