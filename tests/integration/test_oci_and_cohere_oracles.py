"""What Oracle's and Cohere's own libraries make of our recorded streams, and how Oracle's signs, beside ours."""

import asyncio
import pathlib
import random
from email.utils import formatdate
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from probes.base import Reading, WireRequest
from probes.dialects.cohere_chat import CohereChat
from probes.dialects.oci_chat import OciChat
from probes.result import StreamVerdict
from probes.signers.oci import Oci
from probes.target import Target, Workload
from support.clouds.oci import TENANCY, USER, profile
from support.oracles import consult, needs
from support.secrets import FakeSecrets

STREAMS = pathlib.Path(__file__).parents[1] / "streams"
CHAT = Workload(name="chat")
MODELS = {
    # recorded stream: the library's model of its chunks, and whether the library's own framing reads it
    "oci/generic": ("ChatChoice", "lines"),
    "oci/blank_lines": ("ChatChoice", "sse"),
    "oci/reasoning": ("ChatChoice", "sse"),
    "oci/length": ("ChatChoice", "sse"),
    "oci/tool_call": ("ChatChoice", "sse"),
    "oci/filtered": ("ChatChoice", "sse"),
    "oci/finish_error": ("ChatChoice", "sse"),
    "oci/cohere": ("CohereChatResponse", "lines"),
    "oci/cohere_at_once": ("CohereChatResponse", "sse"),
    "oci/cohere_error": ("CohereChatResponse", "sse"),
    "oci/cohere_limit": ("CohereChatResponse", "sse"),
    "oci/cohere_v2": ("CohereChatResponseV2", "sse"),
    "oci/cohere_v2_tool_call": ("CohereChatResponseV2", "sse"),
}
ENDS = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "CONTENT_FILTERED": "content_filter",
}
COHERE = sorted(path.stem for path in (STREAMS / "cohere").iterdir())


def reading(dialect: CohereChat | OciChat, body: bytes) -> Reading:
    reader = dialect.read(CHAT, {}, 1 << 20)
    list(reader.feed(body))
    return reader.finish(closed=True)


def compare(ours: Reading, theirs: dict[str, Any]) -> None:
    """Hold text, tools, usage, end and error of ours to what the library says."""
    assert ours.text == theirs["text"]
    assert [call._asdict() for call in ours.calls] == theirs["calls"]
    if theirs["usage"] is not None:
        assert [ours.input_tokens, ours.output_tokens] == theirs["usage"][:2]
    if theirs["finish"] in {"ERROR", "ERROR_LIMIT", "TIMEOUT"}:
        assert ours.stream is StreamVerdict.ERRORED
        assert theirs["error"] is None or ours.error == theirs["error"]
    elif theirs["finish"] is None:
        assert ours.stream is StreamVerdict.TRUNCATED
    else:
        assert ours.stream is StreamVerdict.COMPLETE
        assert ours.finish_reason == ENDS.get(theirs["finish"], theirs["finish"])


@needs("oci")
@pytest.mark.heavy
def test_oracles_library_finds_the_same_in_our_recorded_streams() -> None:
    bodies = {name: (STREAMS / f"{name}.sse").read_bytes() for name in MODELS}
    questions = [
        {"ask": "answer", "stream": bodies[name].decode(), "model": model, "framing": framing}
        for name, (model, framing) in MODELS.items()
    ]
    for name, theirs in zip(MODELS, consult("oci", questions), strict=True):
        ours = reading(OciChat(), bodies[name])
        compare(ours, theirs)
        if theirs["usage"] is not None and theirs["usage"][2] is not None:
            assert ours.reasoning_tokens == theirs["usage"][2]


@needs("cohere")
@pytest.mark.heavy
def test_coheres_library_finds_the_same_in_our_recorded_streams() -> None:
    """All but an event that its library passes over, as it has no type."""
    bodies = [(STREAMS / "cohere" / f"{name}.sse").read_bytes() for name in COHERE if name != "error_event"]
    questions = [{"stream": body.decode()} for body in bodies]
    for body, theirs in zip(bodies, consult("cohere", questions), strict=True):
        ours = reading(CohereChat(), body)
        compare(ours, theirs)
        if theirs["usage"] is not None:
            assert ours.cached_tokens == theirs["usage"][2]


@needs("oci")
@pytest.mark.heavy
def test_random_requests_bear_the_headers_that_oracles_library_would_send(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same key and date; ours goes by the URL as our transport writes it, theirs by that of theirs."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    monkeypatch.setenv("OCI_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("OCI_CONFIG_PROFILE", raising=False)
    monkeypatch.delenv("OCI_CLI_PROFILE", raising=False)
    fingerprint = profile(tmp_path, key)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    who = {"tenancy": TENANCY, "user": USER, "fingerprint": fingerprint, "private_key_content": pem}
    chance = random.Random(20231130)
    requests = [_random(chance) for _ in range(40)]
    now_s = 1_795_860_000.0
    questions = [
        {
            "ask": "sign",
            "who": who,
            "method": request.method,
            "url": request.url,
            "headers": dict(request.headers),
            "body": request.body.decode(),
            "date": formatdate(now_s, usegmt=True),
        }
        for request in requests
    ]
    theirs = consult("oci", questions)
    target = _target()

    async def ours() -> list[dict[str, str]]:
        signer = Oci(lambda: now_s)
        return [dict(await signer.sign(request, target, FakeSecrets({}))) for request in requests]

    for request, signed, expected in zip(requests, asyncio.run(ours()), theirs, strict=True):
        covered = ["date", "host", "authorization"]
        covered += ["content-length", "content-type", "x-content-sha256"] if request.body else []
        assert {name: signed[name] for name in covered} == {name: expected[name] for name in covered}


def _random(chance: random.Random) -> WireRequest:
    host = chance.choice(["h.oraclecloud.com", "h.oraclecloud.com:8443", "127.0.0.1:8080"])
    path = "/".join(chance.choice(["20231130", "a%2Fb", "actions", "x.y", "~u", "%C3%A9"]) for _ in range(3))
    query = chance.choice(["", "?compartmentId=ocid1.c..a", "?a=1&b=%3A", "?q=a%20b"])
    scheme = "http" if host.endswith(":8080") else "https"
    posted = chance.random() < 0.7
    return WireRequest(
        method="POST" if posted else "GET",
        url=f"{scheme}://{host}/{path}{query}",
        headers={"accept": "application/json"} | ({"content-type": "application/json"} if posted else {}),
        body=("{" + "ä x"[: chance.randrange(4)] * chance.randrange(9) + "}").encode() if posted else b"",
        streamed=posted,
    )


def _target() -> Target:
    return Target(
        name="t",
        provider="oci",
        cloud="oci",
        model="m",
        model_id="m",
        endpoint="https://h",
        group="m",
        credentials={"oci": "default"},
    )
