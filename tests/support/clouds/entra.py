"""Who gives tokens at Azure, on loopback: Microsoft Entra ID over TLS, and a machine's metadata service. Both check what they are asked."""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from support.certificates import Authority
from support.wireserver import Asked, Peer, WireServer, answer

TENANT = "9c1d7f6a-0b2e-4c53-8a41-6de0f1b2c3d4"
CLIENT = "1f0e2d3c-4b5a-4968-8776-655443322110"
SECRET = "Vq~8Q-sEcReT-of-the-application"
FEDERATED = "eyJhbGciOiJub25lIn0.federated-token-of-the-pod.x"
SCOPE = "https://cognitiveservices.azure.com/.default"
FOUNDRY = "https://ai.azure.com/.default"

VARIABLES = (
    *("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"),
    *("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_AUTHORITY_HOST", "AZURE_POD_IDENTITY_AUTHORITY_HOST"),
    *("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET", "AZURE_TOKEN_CREDENTIALS"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AZURE_REGIONAL_AUTHORITY_NAME"),
)
"""What azure-identity reads, and a test must not inherit."""


class Entra:
    """Gives tokens to one application by its secret or by the pod's token, each one new; `fault` is what happens instead.

    A fault is a number of AADSTS, a status, `hang`, or None. `asked` are the requests for tokens, `discovered` counts those for
    the tenant's endpoints.
    """

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder, "entra")
        self.fault: str | None = None
        self.asked: list[Mapping[str, str]] = []
        self.discovered = 0
        self.elsewhere: list[str] = []
        self.certificate: Any = None
        """The public key that the application has registered, if any."""
        self.given: list[str] = []
        self.lasts_s = 3599
        self.url = ""

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator["Entra"]:
        async with WireServer(self._script, tls=self.authority.server()) as server:
            self.url = server.url
            yield self

    def trust(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have azure-identity ask here, as a user does in a private cloud."""
        forget(monkeypatch)
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", self.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", self.authority.ca)
        monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
        monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)

    async def _script(self, peer: Peer) -> None:
        while True:
            asked = await peer.request()
            if self.fault == "hang":
                await peer.reader.read()
            await peer.send(self._answer(asked))

    def _answer(self, asked: Asked) -> bytes:
        path = urlsplit(asked.target).path.strip("/").split("/")
        if self.fault in {"429", "500", "503"}:
            return answer(b"{}", status=f"{self.fault} Trouble", headers={"Content-Type": "application/json"})
        if path[1:] == ["v2.0", ".well-known", "openid-configuration"]:
            self.discovered += 1
            return self._discovery(path[0])
        if path[1:] == ["oauth2", "v2.0", "token"] and asked.method == "POST":
            form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
            self.asked.append(form)
            return self._token(form)
        self.elsewhere.append(asked.target)
        return _said(404, {"error": "not_found"})

    def _discovery(self, tenant: str) -> bytes:
        if tenant != TENANT:
            return _refused(
                "90002", f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
            )
        base = f"{self.url}/{TENANT}"
        return _said(
            200,
            {
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "issuer": f"{base}/v2.0",
            },
        )

    def _asserted(self, assertion: str) -> bool:
        """Return whether it is the pod's own token, or signed by the registered certificate for this very endpoint."""
        if self.certificate is None:
            return assertion == FEDERATED
        audience = f"{self.url}/{TENANT}/oauth2/v2.0/token"
        claims = jwt.decode(assertion, self.certificate, algorithms=["PS256", "RS256"], audience=audience)
        return bool(claims["iss"] == claims["sub"] == CLIENT)

    def _token(self, form: Mapping[str, str]) -> bytes:
        if self.fault is not None:
            return _refused(self.fault, "Refused by the test.")
        if form["client_id"] != CLIENT:
            return _refused("700016", "Application was not found in the directory.")
        if form["grant_type"] != "client_credentials" or form["scope"] not in {SCOPE, FOUNDRY}:
            return _refused("500011", "The resource principal was not found in the tenant.")
        if "client_assertion" in form:
            federated = (
                form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            )
            if not federated or not self._asserted(form["client_assertion"]):
                return _refused(
                    "700213", "No matching federated identity record found for presented assertion."
                )
        elif form.get("client_secret") != SECRET:
            return _refused("7000215", "Invalid client secret provided.")
        token = f"eyJ0eXAiOiJKV1QifQ.entra-token-{len(self.given) + 1}.signature"
        self.given.append(token)
        return _said(200, {"token_type": "Bearer", "expires_in": self.lasts_s, "access_token": token})


class Metadata:
    """A virtual machine's metadata service, which gives tokens of its managed identity; `fault` is a status or None."""

    def __init__(self) -> None:
        self.fault: int | None = None
        self.asked: list[Mapping[str, str]] = []

    @contextlib.asynccontextmanager
    async def serve(self, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator["Metadata"]:
        """Serve, with azure-identity pointed here."""
        async with WireServer(self._script) as server:
            forget(monkeypatch)
            monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.url)
            yield self

    async def _script(self, peer: Peer) -> None:
        while True:
            asked = await peer.request()
            await peer.send(self._answer(asked))

    def _answer(self, asked: Asked) -> bytes:
        parts = urlsplit(asked.target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append(query)
        if self.fault is not None:
            return _said(self.fault, {"error": "invalid_request", "error_description": "Identity not found"})
        right = parts.path == "/metadata/identity/oauth2/token" and query["api-version"] == "2018-02-01"
        if (
            not right
            or asked.headers.get("metadata") != "true"
            or query["resource"] != SCOPE.removesuffix("/.default")
        ):
            return _said(400, {"error": "bad_request_102"})
        token = f"eyJ0eXAiOiJKV1QifQ.managed-token-{len(self.asked)}.signature"
        return _said(200, {"token_type": "Bearer", "expires_in": "86399", "access_token": token})


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take what azure-identity reads out of the environment."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def _refused(number: str, said: str) -> bytes:
    described = f"AADSTS{number}: {said} Trace ID: 0f0f Correlation ID: 1e1e Timestamp: 2026-11-28 00:00:00Z"
    body = {"error": "invalid_client", "error_description": described, "error_codes": [int(number)]}
    return _said(400 if number == "90002" else 401, body)


def _said(status: int, body: object) -> bytes:
    return answer(
        json.dumps(body).encode(), status=f"{status} Said", headers={"Content-Type": "application/json"}
    )
