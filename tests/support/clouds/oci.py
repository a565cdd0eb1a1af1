"""Oracle on loopback: profiles and tokens as its tools write them, and an endpoint that verifies each signature."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from support.wireserver import Asked, Peer, answer, chunk, head

TENANCY: Final = "ocid1.tenancy.oc1..tenancy"
USER: Final = "ocid1.user.oc1..user"
COMPARTMENT: Final = "ocid1.compartment.oc1..compartment"
SKEW_S: Final = 300.0

_PARTS = re.compile(r'(\w+)="([^"]*)"')


def profile(
    folder: Path,
    key: rsa.RSAPrivateKey,
    name: str = "DEFAULT",
    *,
    user: str = USER,
    fingerprint: str | None = None,
    pass_phrase: str | None = None,
    told: bool | str = True,
    token: str | None = None,
) -> str:
    """Write a profile into `folder/config`, with its key and its session's token beside it; return the key's fingerprint.

    `told` is whether the profile tells the key's pass phrase, or the one that it tells instead.
    """
    lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if pass_phrase is not None:
        lock = serialization.BestAvailableEncryption(pass_phrase.encode())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    (folder / f"{name}.pem").write_bytes(pem)
    print_ = fingerprint or fingerprint_of(key.public_key())
    lines = [f"[{name}]", f"tenancy={TENANCY}", f"fingerprint={print_}", f"key_file={folder / name}.pem"]
    if token is None:
        lines.append(f"user={user}")
    else:
        (folder / f"{name}.token").write_text(token)
        lines.append(f"security_token_file={folder / name}.token")
    if pass_phrase is not None and told:
        lines.append(f"pass_phrase={pass_phrase if told is True else told}")
    with (folder / "config").open("a") as file:
        file.write("\n".join([*lines, "", ""]))
    return print_


def fingerprint_of(key: rsa.RSAPublicKey) -> str:
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.md5(der).digest().hex(":")


def session_token(ends_s: float) -> str:
    """Return a token that ends then; nobody verifies who signed it."""
    parts = ({"alg": "RS256"}, {"sub": USER, "exp": int(ends_s)})
    return ".".join([*(_encoded(part) for part in parts), "c2lnbmVk"])


def _encoded(part: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


class Verifier:
    """Verifies requests as Oracle does: key, headers that must be covered, digest of the body, date."""

    def __init__(self, key: rsa.RSAPublicKey, key_id: str, now_s: Callable[[], float] = time.time) -> None:
        self._key = key
        self.key_id = key_id
        self._now_s = now_s

    def wrong(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> str | None:
        """Return what is wrong with a request, None where it is as it should be."""
        signature = dict(_PARTS.findall(headers.get("authorization", "")))
        covered = signature.get("headers", "").split()
        due = ["date", "(request-target)", "host"]
        if method == "POST":
            due += ["content-length", "content-type", "x-content-sha256"]
        if covered != due or signature.get("algorithm") != "rsa-sha256" or signature.get("version") != "1":
            return f"the signature covers {covered}"
        if signature.get("keyId") != self.key_id:
            return f"unknown key {signature.get('keyId')}"
        if method == "POST":
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            if headers["x-content-sha256"] != digest or headers["content-length"] != str(len(body)):
                return "the body is another than the one that was signed"
        if abs(parsedate_to_datetime(headers["date"]).timestamp() - self._now_s()) > SKEW_S:
            return f"Date '{headers['date']}' is not within allowed clock skew."
        said = {**headers, "(request-target)": f"{method.lower()} {target}"}
        message = "\n".join(f"{name}: {said[name]}" for name in covered).encode()
        try:
            self._key.verify(
                base64.b64decode(signature["signature"]), message, padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            return "Failed to verify the HTTP(S) Signature"
        return None


def refusal(status: str, code: str, message: str, headers: Mapping[str, str] | None = None) -> bytes:
    """Return an error as Oracle words it."""
    body = json.dumps({"code": code, "message": message}).encode()
    given = {"Content-Type": "application/json", "opc-request-id": "R1/S1/I1", **(headers or {})}
    return answer(body, status=status, headers=given)


class OciServer:
    """Answers who signs rightly, or holds the API key, and asks in the right words; the rest it refuses as Oracle does.

    `faults` are given instead, one a request, as long as there are some.
    """

    def __init__(
        self, verifier: Verifier | None = None, api_key: str | None = None, faults: Sequence[bytes] = ()
    ) -> None:
        self.verifier = verifier
        self._api_key = api_key
        self._faults = list(faults)
        self.asked: list[Asked] = []

    async def __call__(self, peer: Peer) -> None:
        request = await peer.request()
        self.asked.append(request)
        if (wrong := self._stranger(request)) is not None:
            await peer.send(refusal("401 Unauthorized", "NotAuthenticated", wrong))
        elif self._faults:
            await peer.send(self._faults.pop(0))
        elif request.method == "GET":
            await peer.send(_listed(request))
        elif request.target.endswith("/chat/completions"):
            await peer.send(*_completion(request))
        else:
            await peer.send(*_chat(request))

    def _stranger(self, request: Asked) -> str | None:
        if self.verifier is not None:
            return self.verifier.wrong(request.method, request.target, request.headers, request.body)
        known = request.headers.get("authorization") == f"Bearer {self._api_key}"
        return None if known else "The required information to complete authentication was incorrect."


_UNKNOWN = refusal(
    "404 Not Found", "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found."
)


def _listed(request: Asked) -> bytes:
    if request.target != f"/20231130/models?compartmentId={COMPARTMENT}":
        return _UNKNOWN
    return answer(b'{"items":[{"id":"ocid1.generativeaimodel.oc1..m"}]}', headers={"opc-request-id": "R2"})


def _chat(request: Asked) -> Sequence[bytes]:
    body = json.loads(request.body)
    if request.target != "/20231130/actions/chat" or body.pop("compartmentId") != COMPARTMENT:
        return [_UNKNOWN]
    asked, serving = body.pop("chatRequest"), body.pop("servingMode")
    place = {"ON_DEMAND": "modelId", "DEDICATED": "endpointId"}[serving.pop("servingType")]
    assert (set(serving), body) == ({place}, {})
    words = ["po", "ng"]
    if not asked.get("isStream"):
        assert "streamOptions" not in asked
        return [
            answer(json.dumps({"modelId": serving[place], "chatResponse": _whole(asked, words)}).encode())
        ]
    assert asked["streamOptions"] == {"isIncludeUsage": True}
    return _streamed([json.dumps(chunk) for chunk in _chunks(asked, words)])


_USAGE = {"promptTokens": 19, "completionTokens": 2, "totalTokens": 21}


def _whole(asked: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
    text = "".join(words)
    if asked["apiFormat"] == "COHERE":
        return {"apiFormat": "COHERE", "text": text, "finishReason": "COMPLETE", "usage": _USAGE}
    choice = {"index": 0, "message": _message(text), "finishReason": "stop"}
    return {"apiFormat": "GENERIC", "choices": [choice], "usage": _USAGE}


def _chunks(asked: Mapping[str, Any], words: Sequence[str]) -> list[dict[str, Any]]:
    if asked["apiFormat"] == "COHERE":
        assert isinstance(asked["message"], str)
        parts: list[dict[str, Any]] = [{"text": word} for word in words]
        parts.append({"text": "".join(words), "chatHistory": [], "finishReason": "COMPLETE", "usage": _USAGE})
        return [{"apiFormat": "COHERE", **part} for part in parts]
    assert asked["messages"][0]["content"][0]["type"] == "TEXT"
    if "toolChoice" in asked:
        call = {"id": "c1", "type": "FUNCTION", "name": asked["toolChoice"]["name"]}
        given = {"role": "ASSISTANT", "toolCalls": [{**call, "arguments": '{"city":"Brno","celsius":21}'}]}
        return [{"index": 0, "message": given}, {"index": 0, "finishReason": "tool_calls", "usage": _USAGE}]
    said = [{"index": 0, "message": _message(word)} for word in words]
    return [*said, {"index": 0, "message": _message(""), "finishReason": "stop", "usage": _USAGE}]


def _message(text: str) -> dict[str, Any]:
    return {"role": "ASSISTANT", "content": [{"type": "TEXT", "text": text}]}


def _completion(request: Asked) -> Sequence[bytes]:
    named = {request.headers.get(name) for name in ("compartmentid", "opc-compartment-id")}
    if request.target != "/20231130/actions/v1/chat/completions" or named != {COMPARTMENT}:
        return [_UNKNOWN]
    delta = {"index": 0, "delta": {"content": "pong"}, "finish_reason": None}
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    chunks = [json.dumps({"id": "c-1", "choices": [choice]}) for choice in (delta, end)]
    return _streamed([*chunks, "[DONE]"], "\n\n")


def _streamed(events: Sequence[str], newline: str = "\n") -> Sequence[bytes]:
    """Return an answer in chunks of the transfer that straddle the events, which one newline alone keeps apart."""
    body = "".join(f"data: {event}{newline}" for event in events).encode()
    pieces = [body[at : at + 37] for at in range(0, len(body), 37)]
    given = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked", "opc-request-id": "R3/S/I"}
    return [head(given), *(chunk(piece) for piece in pieces), chunk(b"")]


class InstanceServer:
    """An instance's metadata service and Oracle's identity service in one; `refused` answers in place of a token."""

    def __init__(self, ends_s: float, refused: bytes | None = None) -> None:
        self._ends_s = ends_s
        self.refused = refused
        self.asked: list[str] = []
        self.token = ""
        self.public: rsa.RSAPublicKey | None = None
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        certificate = _certificate(key)
        self._metadata = {
            "/opc/v2/identity/cert.pem": certificate,
            "/opc/v2/identity/intermediate.pem": certificate,
            "/opc/v2/identity/key.pem": key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            ),
            "/opc/v2/instance/region": b"eu-frankfurt-1",
        }

    async def __call__(self, peer: Peer) -> None:
        while True:
            request = await peer.request()
            self.asked.append(request.target)
            if request.method == "GET":
                assert request.headers["authorization"] == "Bearer Oracle"
                await peer.send(answer(self._metadata[request.target]))
            elif self.refused is not None:
                await peer.send(self.refused)
            else:
                await peer.send(self._token(json.loads(request.body)))

    def _token(self, asked: Mapping[str, Any]) -> bytes:
        """Return a token for the key of the session, which the instance's certificate vouches for."""
        found = serialization.load_der_public_key(base64.b64decode(asked["publicKey"]))
        assert isinstance(found, rsa.RSAPublicKey)
        self.public, self.token = found, session_token(self._ends_s)
        return answer(json.dumps({"token": self.token}).encode())


def _certificate(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, f"opc-tenant:{TENANCY}")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + timedelta(days=9999))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
