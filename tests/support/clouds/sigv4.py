"""Signature version 4 as AWS writes it down, to verify what arrives: none of botocore is in it."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

_FORM = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)


def verify(
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    secrets: Mapping[str, tuple[str, str | None]],
    scope: tuple[str, str],
) -> str | None:
    """Return what is wrong with a request's signature, None where it holds.

    `target` is what stands in the request line, `headers` are lower-cased, `secrets` are secret keys and session tokens
    by access key, `scope` is the region and the service.
    """
    found = _FORM.fullmatch(headers.get("authorization", ""))
    if found is None:
        return "no signature"
    access_key, day, region, service, names, signature = found.groups()
    secret, token = secrets.get(access_key, ("", None))
    signed = names.split(";")
    due = {
        "host",
        *(["content-type"] if body else []),
        *(name for name in headers if name.startswith("x-amz-")),
    }
    digest = hashlib.sha256(body).hexdigest()
    stamp = headers.get("x-amz-date", "")
    faults = {
        "unknown key": access_key not in secrets,
        f"signed for {region} and {service}": (region, service) != scope,
        f"signed headers {names}": signed != sorted(signed) or not due <= set(signed),
        "another session token": headers.get("x-amz-security-token") != token,
        "another body": headers.get("x-amz-content-sha256") != digest,
        "another day": not stamp.startswith(day),
    }
    if fault := next((name for name, holds in faults.items() if holds), None):
        return fault
    expected = sign(method, target, {name: headers[name] for name in signed}, digest, secret, scope, stamp)
    return None if hmac.compare_digest(expected, signature) else "another signature"


def sign(
    method: str,
    target: str,
    signed: Mapping[str, str],
    digest: str,
    secret: str,
    scope: tuple[str, str],
    stamp: str,
) -> str:
    """Return the signature in hex; `signed` are all headers that it covers, `stamp` is like 20250102T030405Z."""
    lines = [
        method,
        _path(urlsplit(target).path),
        _query(urlsplit(target).query),
        *(f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)),
        "",
        ";".join(sorted(signed)),
        digest,
    ]
    canonical = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    region, service = scope
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, f"{stamp[:8]}/{region}/{service}/aws4_request", canonical])
    key = f"AWS4{secret}".encode()
    for part in (stamp[:8], region, service, "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def _path(path: str) -> str:
    """Return the path encoded once more than it is on the wire, as every service but S3 wants it."""
    return "/".join(quote(step, safe="-_.~") for step in path.split("/")) or "/"


def _query(query: str) -> str:
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    encoded = sorted((_parameter(name), _parameter(value)) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _parameter(text: str) -> str:
    return quote(unquote(text), safe="-_.~")
