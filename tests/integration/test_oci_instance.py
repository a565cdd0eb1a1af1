"""An instance proves who it is by its metadata service and Oracle's identity service, both on loopback."""

import asyncio
import gc
import threading
import warnings
from collections.abc import Awaitable, Callable

import oci
import pytest

import support.identity_libraries  # noqa: F401 - loaded before anybody waits for a token
from probes.base import SigningError, WireRequest
from probes.kept import Kept
from probes.result import Outcome
from probes.signers.oci import Identity, Oci
from probes.target import Target
from support.clouds.oci import InstanceServer, Verifier, refusal
from support.secrets import FakeSecrets
from support.wireserver import Peer, Script, WireServer, answer, refusing

NOW_S = 1_795_860_000.0
REQUEST = WireRequest(
    method="POST",
    url="https://inference.generativeai.eu-frankfurt-1.oci.oraclecloud.com/20231130/actions/chat",
    headers={"content-type": "application/json"},
    body=b"{}",
    streamed=True,
)
TARGET = Target(
    name="t",
    provider="oci",
    cloud="oci",
    model="m",
    model_id="m",
    endpoint="https://h",
    group="m",
    compartment="c",
    credentials={"oci": "instance"},
)


def on_instance(
    service: Script,
    monkeypatch: pytest.MonkeyPatch,
    do: Callable[[Oci], Awaitable[None]],
    kept: Kept[Identity] | None = None,
) -> None:
    async def run() -> None:
        async with WireServer(service) as server:
            monkeypatch.setenv("NO_PROXY", "*")
            monkeypatch.setenv("OCI_METADATA_BASE_URL", f"{server.url}/opc/v2")
            monkeypatch.setattr(oci.regions, "endpoint_for", lambda *_: server.url)
            await do(Oci(lambda: NOW_S, kept))

    asyncio.run(run())


def test_an_instance_signs_with_a_key_that_its_token_vouches_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token is got once, and anew after a refusal."""
    service, secrets = InstanceServer(NOW_S + 3600), FakeSecrets({})

    async def do(signer: Oci) -> None:
        for _ in range(2):
            signed = await signer.sign(REQUEST, TARGET, secrets)
            assert service.public is not None
            verifier = Verifier(service.public, f"ST${service.token}", lambda: NOW_S)
            assert verifier.wrong("POST", "/20231130/actions/chat", signed, b"{}") is None
        assert service.asked.count("/v1/x509") == 1
        assert secrets.learnt == {service.token}
        await signer.renewed(signed, REQUEST, TARGET, secrets)
        assert service.asked.count("/v1/x509") == 2

    on_instance(service, monkeypatch, do)


@pytest.mark.parametrize(
    ("status", "code", "outcome", "says"),
    [
        ("401 Unauthorized", "identity_refused", Outcome.CONFIG, "a dynamic group holds this instance"),
        ("503 Service Unavailable", "identity_service", Outcome.SERVER_ERROR, "answered 503"),
        ("429 Too Many Requests", "identity_service", Outcome.SERVER_ERROR, "answered 429"),
    ],
)
def test_an_identity_service_that_refuses_or_fails_is_told_apart(
    status: str, code: str, outcome: Outcome, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = InstanceServer(NOW_S + 3600, refusal(status, "NotAuthenticated", "no"))

    async def do(signer: Oci) -> None:
        with pytest.raises(SigningError, match=says) as caught:
            await signer.sign(REQUEST, TARGET, FakeSecrets({}))
        assert (caught.value.code, caught.value.outcome) == (code, outcome)
        assert service.asked.count("/v1/x509") == 1

    on_instance(service, monkeypatch, do)


def test_an_identity_service_that_cannot_be_reached_is_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    async def do(signer: Oci) -> None:
        async with refusing() as port:
            monkeypatch.setattr(oci.regions, "endpoint_for", lambda *_: f"http://127.0.0.1:{port}")
            with pytest.raises(
                SigningError, match=r"identity service 127\.0\.0\.1 cannot be reached"
            ) as caught:
                await signer.sign(REQUEST, TARGET, FakeSecrets({}))
        assert (caught.value.code, caught.value.outcome) == ("identity_service", Outcome.DISCONNECTED)

    on_instance(InstanceServer(NOW_S + 3600), monkeypatch, do)


def test_a_metadata_service_that_never_answers_holds_nobody_up_past_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = asyncio.Event()

    async def silent(peer: Peer) -> None:
        await peer.request()
        await over.wait()

    async def do(signer: Oci) -> None:
        with pytest.raises(SigningError, match="the instance metadata service does not answer") as caught:
            await signer.sign(REQUEST, TARGET, FakeSecrets({}))
        assert caught.value.code == "identity_timeout"
        over.set()
        for thread in threading.enumerate():
            if thread.name == "identity":
                await asyncio.to_thread(thread.join)

    on_instance(silent, monkeypatch, do, Kept[Identity](lambda: NOW_S, limit_s=0.0))


def test_elsewhere_than_on_an_instance_the_metadata_service_is_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def do(signer: Oci) -> None:
        async with refusing() as port:
            monkeypatch.setenv("OCI_METADATA_BASE_URL", f"http://127.0.0.1:{port}/opc/v2")
            with pytest.raises(SigningError, match="works on compute instances of OCI alone") as caught:
                await signer.sign(REQUEST, TARGET, FakeSecrets({}))
        assert (caught.value.code, caught.value.outcome) == ("metadata_unreachable", Outcome.CONFIG)

    on_instance(InstanceServer(NOW_S + 3600), monkeypatch, do)


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        ("200 OK", "metadata_foreign", "answered with something that makes no identity: look for a proxy"),
        ("401 Unauthorized", "identity_refused", "refused with 401, not in Oracle's words: look for a proxy"),
    ],
)
def test_a_proxy_in_the_metadata_services_place_is_looked_for(
    status: str, code: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def portal(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(b"<p>Log in</p>", status=status, headers={"Connection": "close"}))

    async def do(signer: Oci) -> None:
        with pytest.raises(SigningError, match=says) as caught:
            await signer.sign(REQUEST, TARGET, FakeSecrets({}))
        assert (caught.value.code, caught.value.outcome) == (code, Outcome.CONFIG)

    on_instance(portal, monkeypatch, do)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # the library leaves its connection open where it fails
