"""Google on loopback: its token endpoint, a metadata server, Vertex AI and the Gemini API, each checking what arrives."""

import base64
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from support.wireserver import Asked, Peer, answer, chunk, head

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
ACCOUNT = "nephoscope@p-1.iam.gserviceaccount.com"


def told(value: Any, status: str = "200 OK", **headers: str) -> bytes:
    """Return a response with a JSON body."""
    kind = {"Content-Type": "application/json", **headers}
    return answer(json.dumps(value).encode(), status=status, headers=kind)


class ServiceAccount:
    """A service account with a key of its own; `file` writes it as the console gives it out."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def info(self, token_uri: str, **more: str) -> dict[str, str]:
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": "p-1",
            "private_key_id": "k-7",
            "private_key": pem.decode(),
            "client_email": ACCOUNT,
            "token_uri": token_uri,
            **more,
        }

    def file(self, folder: Path, token_uri: str, **more: str) -> Path:
        path = folder / "key.json"
        path.write_text(json.dumps(self.info(token_uri, **more)))
        return path

    def claims(self, jwt: str) -> dict[str, Any]:
        """Return what a JWT says, once its signature is verified with the public key."""
        signed, _, signature = jwt.rpartition(".")
        self.key.public_key().verify(
            _decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        found: dict[str, Any] = json.loads(_decoded(signed.partition(".")[2]))
        return found


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclasses.dataclass
class TokenEndpoint:
    """Gives `token-1`, `token-2` and so on to whoever shows a JWT of the account; or `trouble` instead, or nothing at all."""

    account: ServiceAccount
    trouble: bytes | None = None
    hangs: bool = False
    same: bool = False
    asked: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    targets: list[str] = dataclasses.field(default_factory=list)

    async def __call__(self, peer: Peer) -> None:
        while True:
            request = await peer.request()
            assert request.method == "POST"
            assert urlsplit(request.target).path == "/token"
            form = parse_qs(request.body.decode())
            assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
            claims = self.account.claims(form["assertion"][0])
            assert (claims["iss"], claims["scope"]) == (ACCOUNT, SCOPE)
            self.asked.append(claims)
            self.targets.append(request.target)
            if self.hangs:
                await peer.reader.read()
                return
            token = f"token-{1 if self.same else len(self.asked)}"
            granted = told({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})
            await peer.send(self.trouble or granted)


@dataclasses.dataclass
class Metadata:
    """The metadata server of a machine or pod; `troubles` stand for the answers to paths that end so."""

    troubles: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    hangs: bool = False
    asked: list[str] = dataclasses.field(default_factory=list)

    async def __call__(self, peer: Peer) -> None:
        while True:
            request = await peer.request()
            assert request.headers["metadata-flavor"] == "Google"
            path = urlsplit(request.target).path
            self.asked.append(path)
            if self.hangs:
                await peer.reader.read()
                return
            await peer.send(self._answer(path))

    def _answer(self, path: str) -> bytes:
        flavor = {"Metadata-Flavor": "Google"}
        for end, trouble in self.troubles.items():
            if path.endswith(end):
                return trouble
        if path.endswith("/token"):
            return told({"access_token": "machine-1", "expires_in": 3599, "token_type": "Bearer"}, **flavor)
        if path.endswith("/default/"):
            return told({"email": ACCOUNT, "scopes": [SCOPE], "aliases": ["default"]}, **flavor)
        return answer(
            b"p-1" if path.endswith("project-id") else b"", headers=flavor | {"Content-Type": "text/plain"}
        )


@dataclasses.dataclass
class Models:
    """Vertex AI and the Gemini API: whoever asks rightly gets the next of the answers, streamed in the given pieces.

    `wanted` are headers that must be there, `paths` the only targets that there are; who is wrong gets Google's refusal.
    """

    paths: Sequence[str]
    wanted: Mapping[str, str]
    answers: list[bytes | Sequence[bytes]]
    kind: str = "text/event-stream"
    asked: list[Asked] = dataclasses.field(default_factory=list)

    async def __call__(self, peer: Peer) -> None:
        while True:
            request = await peer.request()
            self.asked.append(request)
            assert "key=" not in request.target, "a key in a URL ends in logs"
            if refusal := self._refusal(request):
                await peer.send(refusal)
                continue
            given = self.answers.pop(0)
            if isinstance(given, bytes):
                await peer.send(given)
                continue
            await peer.send(
                head(
                    {
                        "Content-Type": self.kind,
                        "Transfer-Encoding": "chunked",
                        "Server-Timing": "gfet4t7; dur=212",
                    }
                )
            )
            for piece in given:
                await peer.send(chunk(piece))
            await peer.send(chunk(b""))

    def _refusal(self, request: Asked) -> bytes | None:
        if any(request.headers.get(name) != value for name, value in self.wanted.items()):
            return refusal(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if request.target not in self.paths:
            return refusal(404, "NOT_FOUND", "Publisher Model was not found.")
        if request.method == "POST":
            assert request.headers["content-type"] == "application/json"
            known = {"contents", "generationConfig", "tools", "toolConfig"} if ":" in request.target else None
            assert known is None or json.loads(request.body).keys() <= known, (
                "Google refuses what it does not know"
            )
        else:
            assert (request.method, request.body) == ("GET", b"")
        return None


def refusal(
    code: int, status: str, message: str, *details: Any, array: bool = False, **headers: str
) -> bytes:
    """Return an error of google.rpc."""
    error = {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
    return told(
        [error] if array else error, f"{code} {status}", **{"Server-Timing": "gfet4t7; dur=7", **headers}
    )
