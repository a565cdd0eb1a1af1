"""Azure is shown a key, a token, or one that Entra gives; what Entra refuses is said in Azure's words."""

import asyncio
import logging
import socket
import stat
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
import trustme
from cryptography import x509

import support.identity_libraries  # noqa: F401 - loaded before anybody waits for a token
from probes.base import SigningError, WireRequest
from probes.kept import Kept
from probes.result import Outcome
from probes.signers.entra import MODES, wanted
from probes.signers.entra import Entra as Signer
from probes.target import Target
from support.clouds.entra import CLIENT, FEDERATED, SCOPE, SECRET, Entra, Metadata, forget
from support.secrets import FakeSecrets
from support.wireserver import Peer, WireServer, answer, refusing

REQUEST = WireRequest(method="POST", url="https://h", headers={}, body=b"", streamed=True)
KNOWN = {"KEY": "az-1", "file:/run/token": "t-1\n"}


def target(credentials: Mapping[str, str], endpoint: str = "https://bank.openai.azure.com") -> Target:
    return Target(
        name="t",
        provider="azure",
        cloud="azure",
        model="nano",
        model_id="nano-prod",
        endpoint=endpoint,
        group="nano",
        credentials=credentials,
    )


class Now:
    """Both of a signer's clocks."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


async def sign(
    credentials: Mapping[str, str], signer: Signer | None = None, secrets: FakeSecrets | None = None
) -> Mapping[str, str]:
    return await (signer or Signer()).sign(REQUEST, target(credentials), secrets or FakeSecrets(KNOWN))


async def refusal(mode: str) -> SigningError:
    with pytest.raises(SigningError) as caught:
        await sign({"entra": mode})
    return caught.value


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        ({"api_key": "${KEY}"}, {"api-key": "az-1"}),
        ({"token": "${KEY}"}, {"authorization": "Bearer az-1"}),
        ({"token_file": "/run/token"}, {"authorization": "Bearer t-1"}),
    ],
)
def test_a_key_goes_into_azures_header_and_a_token_behind_bearer(
    credentials: dict[str, str], expected: dict[str, str]
) -> None:
    assert asyncio.run(sign(credentials)) == expected


@pytest.mark.parametrize("credentials", [{}, {"entra": "managed-identity"}])
def test_an_identity_that_is_none_is_a_sentence(credentials: dict[str, str]) -> None:
    with pytest.raises(SigningError, match=r"target t cannot prove its identity.*write credentials"):
        asyncio.run(sign(credentials))


@pytest.mark.parametrize(
    ("host", "scope", "authority", "expected"),
    [
        ("bank.openai.azure.com", None, None, "https://cognitiveservices.azure.com/.default"),
        ("bank.services.ai.azure.com", None, None, "https://cognitiveservices.azure.com/.default"),
        ("apim.bank.example", None, None, "https://cognitiveservices.azure.com/.default"),
        (
            "bank.openai.azure.us",
            None,
            "login.microsoftonline.us",
            "https://cognitiveservices.azure.us/.default",
        ),
        (
            "bank.openai.azure.cn",
            None,
            "login.chinacloudapi.cn",
            "https://cognitiveservices.azure.cn/.default",
        ),
        (
            "bank.services.ai.azure.com",
            "https://ai.azure.com/.default",
            None,
            "https://ai.azure.com/.default",
        ),
    ],
)
def test_authority_and_scope_are_those_of_the_endpoints_cloud(
    host: str, scope: str | None, authority: str | None, expected: str
) -> None:
    credentials = {"entra": "workload"} | ({"scope": scope} if scope else {})
    asked = wanted(target(credentials, f"https://{host}/"), FakeSecrets({}))
    assert (asked.authority, asked.scope) == (authority, expected)


def test_a_way_of_its_own_may_have_its_own_key_header_and_scope() -> None:
    """As Claude on Foundry does; a cloud of its own keeps its scope."""
    signer = Signer(key_header="x-api-key", scope="https://ai.azure.com/.default")
    assert asyncio.run(sign({"api_key": "${KEY}"}, signer)) == {"x-api-key": "az-1"}
    for host, scope in (
        ("azure.com", "https://ai.azure.com"),
        ("azure.us", "https://cognitiveservices.azure.us"),
    ):
        asked = target({"entra": "managed"}, f"https://bank.services.ai.{host}")
        assert wanted(asked, FakeSecrets({}), "https://ai.azure.com/.default").scope == f"{scope}/.default"


Scene = Callable[[Entra], Awaitable[None]]


@pytest.fixture
def entra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Scene], Entra]:
    """Play a scene in which azure-identity asks an Entra on loopback."""

    def play(scene: Scene) -> Entra:
        server = Entra(tmp_path)

        async def played() -> None:
            async with server.serve():
                server.trust(monkeypatch)
                await scene(server)

        asyncio.run(played())
        assert server.elsewhere == []  # no instance discovery, nothing but what was asked for
        return server

    return play


def test_a_service_principals_secret_becomes_a_token_that_is_kept(
    entra: Callable[[Scene], Entra], monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = FakeSecrets({})

    async def scene(server: Entra) -> None:
        monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
        signer = Signer()
        first = await sign({"entra": "environment"}, signer, secrets)
        assert first == {"authorization": f"Bearer {server.given[0]}"}
        assert await sign({"entra": "environment"}, signer, secrets) == first

    server = entra(scene)
    (asked,) = server.asked
    assert (asked["client_id"], asked["scope"]) == (CLIENT, SCOPE)
    assert secrets.redact(f"{SECRET} {server.given[0]}") == "*** ***"


def test_a_certificate_signs_for_a_service_principal(
    entra: Callable[[Scene], Entra], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    issued = trustme.CA().issue_cert("agent.example", key_type=trustme.KeyType.RSA)
    (tmp_path / "principal.pem").write_bytes(
        issued.private_key_pem.bytes() + issued.cert_chain_pems[0].bytes()
    )
    certificate = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())

    async def scene(server: Entra) -> None:
        monkeypatch.setenv("AZURE_CLIENT_CERTIFICATE_PATH", str(tmp_path / "principal.pem"))
        server.certificate = certificate.public_key()
        assert (await sign({"entra": "environment"}))["authorization"] == f"Bearer {server.given[0]}"
        monkeypatch.setenv("AZURE_CLIENT_CERTIFICATE_PATH", str(tmp_path / "none.pem"))
        assert "none.pem of the identity cannot be read" in str(await refusal("environment"))

    entra(scene)


@pytest.mark.parametrize("mode", ["workload", "default"])
def test_the_token_of_a_pod_becomes_one_of_entra(
    mode: str, entra: Callable[[Scene], Entra], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of the chain, workload identity is what answers here: the environment holds no secret."""
    (tmp_path / "federated").write_text(FEDERATED)

    async def scene(server: Entra) -> None:
        monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "federated"))
        assert (await sign({"entra": mode}))["authorization"] == f"Bearer {server.given[0]}"

    assert len(entra(scene).asked) == 1


def test_a_token_that_ended_is_fetched_anew_and_one_that_serves_is_not(
    entra: Callable[[Scene], Entra], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(server: Entra) -> None:
        monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
        now = Now()
        signer = Signer(Kept(now))
        await sign({"entra": "environment"}, signer)
        now.s += 2e9  # the library gives tokens by the wall's clock, some decades after 1970
        await sign({"entra": "environment"}, signer)
        assert len(server.given) == 2

    entra(scene)


def test_a_refused_token_is_replaced_once_and_not_in_every_slot(
    entra: Callable[[Scene], Entra], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing role refuses each new token as well: asking Entra with every probe would not help."""

    async def scene(server: Entra) -> None:
        monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
        now, asked, secrets = Now(), target({"entra": "environment"}), FakeSecrets({})
        signer = Signer(Kept(), now)
        refused = await signer.sign(REQUEST, asked, secrets)
        assert await signer.renewed(refused, REQUEST, asked, secrets)
        again = await signer.sign(REQUEST, asked, secrets)
        assert again == {"authorization": f"Bearer {server.given[1]}"}
        assert await signer.renewed(refused, REQUEST, asked, secrets)  # another target's, replaced meanwhile
        assert not await signer.renewed(again, REQUEST, asked, secrets)
        assert len(server.given) == 2
        now.s += 301.0
        assert await signer.renewed(again, REQUEST, asked, secrets)
        assert len(server.given) == 3

    entra(scene)


@pytest.mark.parametrize(
    ("fault", "outcome", "code", "sentence"),
    [
        ("7000215", Outcome.CONFIG, "AADSTS7000215", "the client secret is wrong: set AZURE_CLIENT_SECRET"),
        ("7000222", Outcome.CONFIG, "AADSTS7000222", "the client secret has expired: make a new one"),
        ("700213", Outcome.CONFIG, "AADSTS700213", "no federated credential of the identity fits"),
        ("700024", Outcome.CONFIG, "AADSTS700024", "check this machine's clock"),
        ("900439", Outcome.CONFIG, "AADSTS900439", "different clouds"),
        ("500011", Outcome.CONFIG, "AADSTS500011", "set credentials.scope"),
        ("53003", Outcome.CONFIG, "AADSTS53003", "Conditional Access"),
        ("99999", Outcome.CONFIG, "AADSTS99999", "it says: 'Refused by the test."),
        ("90033", Outcome.SERVER_ERROR, "identity_service", "is in trouble itself"),
        ("500", Outcome.SERVER_ERROR, "identity_service", "Microsoft Entra ID answered 500"),
        ("429", Outcome.THROTTLED, "identity_service", "Microsoft Entra ID answered 429"),
    ],
)
def test_what_entra_refuses_is_said_with_the_remedy_and_what_fails_there_is_its_own_fault(
    fault: str,
    outcome: Outcome,
    code: str,
    sentence: str,
    entra: Callable[[Scene], Entra],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene(server: Entra) -> None:
        monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
        server.fault = fault
        told = await refusal("environment")
        assert (told.outcome, told.code) == (outcome, code)
        assert sentence in str(told)
        assert SECRET not in str(told)

    assert len(entra(scene).asked) <= 1  # nothing is tried twice


def test_an_unknown_tenant_and_an_unknown_application_are_told_apart(
    entra: Callable[[Scene], Entra], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(server: Entra) -> None:
        monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
        monkeypatch.setenv("AZURE_CLIENT_ID", "another")
        assert "check AZURE_CLIENT_ID" in str(await refusal("environment"))
        monkeypatch.setenv("AZURE_TENANT_ID", "another")
        told = await refusal("environment")
        assert (told.outcome, told.code) == (Outcome.CONFIG, "AADSTS90002")
        assert "check AZURE_TENANT_ID" in str(told)

    entra(scene)


def test_an_entra_that_hangs_holds_a_probe_up_no_longer_than_its_limit(
    entra: Callable[[Scene], Entra], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(server: Entra) -> None:
        monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
        server.fault = "hang"
        with pytest.raises(SigningError) as caught:
            await sign({"entra": "environment"}, Signer(Kept(limit_s=0.05)))
        assert caught.value.code == "identity_timeout"

    entra(scene)


def test_a_library_that_hears_nothing_gives_up_by_itself(
    entra: Callable[[Scene], Entra], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(server: Entra) -> None:
        monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
        monkeypatch.setitem(sys.modules["probes.signers.entra"]._OPTIONS, "read_timeout", 0.05)
        server.fault = "hang"
        told = await refusal("environment")
        assert (told.outcome, told.code) == (Outcome.SERVER_ERROR, "identity_service")

    entra(scene)


def test_an_entra_that_cannot_be_reached_is_the_networks_row(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A refused connection, a certificate that nobody trusts, and a name that there is not."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def scene() -> list[SigningError]:
        forget(monkeypatch)
        for name, value in (("TENANT_ID", "x"), ("CLIENT_ID", "x"), ("CLIENT_SECRET", SECRET)):
            monkeypatch.setenv(f"AZURE_{name}", value)
        told = []
        async with refusing() as port:
            monkeypatch.setenv("AZURE_AUTHORITY_HOST", f"https://127.0.0.1:{port}")
            told.append(await refusal("environment"))
        async with Entra(tmp_path).serve() as server:
            monkeypatch.setenv("AZURE_AUTHORITY_HOST", server.url)
            told.append(await refusal("environment"))
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://login.invalid")
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        return [*told, await refusal("environment")]

    told = asyncio.run(scene())
    assert [each.outcome for each in told] == [Outcome.CONNECT_REFUSED, Outcome.TLS, Outcome.DNS]
    assert {each.code for each in told} == {"identity_service"}
    assert "HTTPS_PROXY" in str(told[0])


def test_a_managed_identity_is_asked_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> Mapping[str, str]:
        async with Metadata().serve(monkeypatch) as metadata:
            monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
            signed = await sign({"entra": "managed"})
            assert metadata.asked[-1]["client_id"] == CLIENT
            return signed

    assert "managed-token" in asyncio.run(scene())["authorization"]


@pytest.mark.parametrize(
    ("fault", "outcome", "code", "sentence"),
    [
        (400, Outcome.CONFIG, "identity_not_assigned", "assign it one"),
        (500, Outcome.SERVER_ERROR, "identity_service", "the metadata service of this machine answered 500"),
        (429, Outcome.THROTTLED, "identity_service", "answered 429"),
        (401, Outcome.CONFIG, "metadata_refused", "refused to give a token (401): look for a proxy"),
    ],
)
def test_a_metadata_service_that_refuses_is_told_from_one_that_fails(
    fault: int, outcome: Outcome, code: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> SigningError:
        async with Metadata().serve(monkeypatch) as metadata:
            metadata.fault = fault
            told = await refusal("managed")
            assert len(metadata.asked) == 1  # nothing is tried twice
            return told

    told = asyncio.run(scene())
    assert (told.outcome, told.code) == (outcome, code)
    assert sentence in str(told)


@pytest.mark.parametrize("body", [b"<p>Log in</p>", b"{}", b'"no"'])
def test_a_metadata_service_that_answers_nonsense_is_not_told_as_silent(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def portal(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(body))

    async def scene() -> SigningError:
        forget(monkeypatch)
        async with WireServer(portal) as server:
            monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.url)
            return await refusal("managed")

    told = asyncio.run(scene())
    assert (told.outcome, told.code) == (Outcome.CONFIG, "metadata_foreign")
    assert "answered with something that is no token: look for a proxy on the way" in str(told)


def test_a_service_that_a_variable_names_is_told_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def denied(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(b"{}", status="401 Unauthorized"))

    async def scene() -> list[SigningError]:
        forget(monkeypatch)
        monkeypatch.setenv("IDENTITY_HEADER", "h-1")
        async with WireServer(denied) as server:
            monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi/token")
            told = [await refusal("managed")]
        async with refusing() as port:
            monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{port}/msi/token")
            return [*told, await refusal("managed")]

    told = asyncio.run(scene())
    assert [each.code for each in told] == ["metadata_refused", "metadata_unreachable"]
    assert str(told[0]).startswith("the service at IDENTITY_ENDPOINT refused to give a token (401): leave")
    assert str(told[1]).startswith("the service at IDENTITY_ENDPOINT does not answer: leave")


@pytest.mark.parametrize(
    ("mode", "code", "sentence"),
    [
        ("default", "no_identity", "azure-identity found no identity here"),
        ("workload", "identity_unset", "azure.workload.identity/use"),
        ("managed", "metadata_unreachable", "169.254.169.254 into NO_PROXY"),
        ("cli", "not_logged_in", "run az login"),
        ("environment", "identity_unset", "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"),
    ],
)
def test_a_source_that_has_nothing_says_how_to_give_it_something(
    mode: str, code: str, sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def scene() -> SigningError:
        forget(monkeypatch)
        monkeypatch.setenv("PATH", str(tmp_path))  # without az
        async with refusing() as port:
            monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://127.0.0.1:{port}")
            return await refusal(mode)

    told = asyncio.run(scene())
    assert (told.outcome, told.code) == (Outcome.CONFIG, code)
    assert sentence in str(told)


def test_the_azure_clis_token_is_taken_as_it_gives_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    az = tmp_path / "az"
    az.write_text('#!/bin/sh\nprintf \'{"accessToken": "cli-%s", "expires_on": 4102444800}\' "$6"\n')
    az.chmod(az.stat().st_mode | stat.S_IXUSR)
    forget(monkeypatch)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    signed = asyncio.run(sign({"entra": "cli"}))
    assert signed["authorization"].startswith("Bearer cli-")


def test_a_federated_token_that_is_not_there_is_named(
    entra: Callable[[Scene], Entra], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def scene(_server: Entra) -> None:
        monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "none"))
        told = await refusal("workload")
        assert told.code == "identity_file"
        assert f"{tmp_path}/none of the identity cannot be read" in str(told)

    entra(scene)


@pytest.mark.parametrize("mode", MODES)
def test_a_missing_extra_is_a_sentence(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.core.pipeline.transport", None)
    told = asyncio.run(refusal(mode))
    assert str(told) == "target t needs nephoscope[azure]: pip install 'nephoscope[azure]'"
    assert told.code == "missing_extra"


def test_no_secret_and_no_token_reaches_a_log(
    entra: Callable[[Scene], Entra], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Even where everything is logged."""
    caplog.set_level(logging.DEBUG)

    async def scene(server: Entra) -> None:
        monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
        await sign({"entra": "environment"})
        server.fault = "7000215"
        await refusal("environment")

    server = entra(scene)
    assert server.given[0] not in caplog.text
    assert SECRET not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith(("azure", "msal"))]
