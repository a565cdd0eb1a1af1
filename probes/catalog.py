"""The table of providers, put together from one file a vendor, and the URLs and identities that follow from it."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from probes.base import Dialect, Signer
from probes.clouds import (
    anthropic,
    aws,
    azure,
    cohere,
    compatible,
    deepseek,
    github,
    google,
    hosted,
    mistral,
    openai,
    openrouter,
    oracle,
    qwen,
)
from probes.provider import DATED, Api, Call, Provider
from probes.target import Kind, Target

PROVIDERS: Final[Mapping[str, Provider]] = {
    **openai.ROWS,
    **azure.ROWS,
    **aws.ROWS,
    **google.ROWS,
    **oracle.ROWS,
    **anthropic.ROWS,
    **cohere.ROWS,
    **compatible.ROWS,
    **deepseek.ROWS,
    **qwen.ROWS,
    **mistral.ROWS,
    **hosted.ROWS,
    **openrouter.ROWS,
    **github.ROWS,
}


def api(target: Target) -> Api:
    """Return the way in which a target is spoken to."""
    return PROVIDERS[target.provider].api(target.api, target.api_version)


def dialect(target: Target, kind: Kind) -> Dialect:
    """Return what a target is asked in; `ValueError`, with a sentence, where it does not have this kind."""
    return _call(target, kind).dialect


def signer(target: Target) -> Signer:
    """Return who proves identity to a target."""
    return api(target).signer or PROVIDERS[target.provider].signer


def _call(target: Target, kind: Kind) -> Call:
    call = api(target).calls.get(kind)
    if call is None:
        raise ValueError(
            f"target {target.name} has no kind {kind}: provider {target.provider} is not asked so by this version"
        )
    return call


def default_endpoint(
    provider: str, region: str | None = None, api_name: str | None = None, *, fips: bool = False
) -> str | None:
    """Return the endpoint that a target of this provider has when it names none; None: it must name one."""
    row = PROVIDERS[provider]
    return row.endpoint(row.api(api_name, None), region, fips=fips)


def url(target: Target, kind: Kind) -> str:
    """Return the URL that a probe of this kind calls.

    The endpoint is what the vendor's own SDK takes as base URL, with or without a trailing `/v1`.
    Raises `ValueError`, with a sentence, for an endpoint that is no http(s) URL.

    >>> azure = Target(name="a", provider="azure", cloud="azure", model="nano", model_id="nano-prod",
    ...                endpoint="https://bank.openai.azure.com", group="nano")
    >>> url(azure, "chat")
    'https://bank.openai.azure.com/openai/v1/chat/completions'
    >>> url(dataclasses.replace(azure, api_version="2024-10-21"), "chat")
    'https://bank.openai.azure.com/openai/deployments/nano-prod/chat/completions?api-version=2024-10-21'
    """
    way, call = api(target), _call(target, kind)
    parts = _split(target)
    base, query = parts.path.rstrip("/"), parts.query
    if way is PROVIDERS[target.provider].apis.get(DATED):
        base = base.removesuffix("/v1")
    if call.root is not None:
        base = base.removesuffix(way.root)
    if call.host is not None and (netloc := re.sub(*call.host, parts.netloc)) != parts.netloc:
        parts, base = parts._replace(netloc=netloc), ""
    path, _, more = call.path.format_map(_Places(target, encoded=True)).partition("?")
    path = _rooted(base, way.root if call.root is None else call.root) + path
    query = "&".join(filter(None, (query, more)))
    return parts._replace(path=path, query=query, fragment="").geturl()


def headers(target: Target) -> dict[str, str]:
    """Return the headers that go with every request to a target, identity aside.

    Raises `ValueError`, with a sentence, where one of them needs what the target leaves open.
    """
    places = _Places(target, encoded=False)
    given = {**PROVIDERS[target.provider].headers, **api(target).headers}
    return {name: value.format_map(places) for name, value in given.items()}


class _Places(dict[str, str]):
    """What stands in a path or header for a target's own; a place that the target leaves open is said.

    A model may be written `publisher/name`, as Google's libraries take it; one without a publisher is Google's.
    """

    def __init__(self, target: Target, *, encoded: bool) -> None:
        publisher, _, name = target.model_id.rpartition("/")
        places = {
            "model": target.model_id,
            "publisher": publisher or "google",
            "name": name,
            "region": target.region,
            "project": target.project,
            "compartment": target.compartment,
            "version": target.api_version or api(target).version,
        }
        given = {name: text for name, text in places.items() if text}
        super().__init__({name: quote(text, safe="") for name, text in given.items()} if encoded else given)
        self._name = target.name

    def __missing__(self, key: str) -> str:
        raise ValueError(
            f"target {self._name} has no {key}, which its requests need: write {key}: in the target"
        )


def shown_url(target: Target, kind: Kind) -> str:
    """Return the URL for people to read: what stands for a variable that is not set is shown as it is written.

    >>> unset = Target(name="v", provider="vllm", cloud="own", model="m", model_id="m", endpoint="${VLLM}", group="m")
    >>> shown_url(unset, "chat")
    '${VLLM}/v1/chat/completions'
    >>> shown_url(dataclasses.replace(unset, endpoint="https://${HOST}.bank:8000/v1"), "models")
    'https://${HOST}.bank:8000/v1/models'
    """
    held = {name: text for name in ("endpoint", "project", "compartment") if (text := getattr(target, name))}
    stand_ins: list[tuple[str, str]] = []
    for name, text in held.items():
        for reference in re.findall(r"\$\{[^}]*\}", text):
            stand_in = f"unset-{len(stand_ins)}"
            if name == "endpoint" and text.startswith(reference):
                stand_in = f"https://{stand_in}.invalid"
            held[name] = held[name].replace(reference, stand_in, 1)
            stand_ins.append((stand_in, reference))
    shown = url(dataclasses.replace(target, **held), kind)
    for stand_in, reference in stand_ins:
        shown = shown.replace(stand_in, reference, 1)
    return shown


def _split(target: Target) -> SplitResult:
    try:
        parts = urlsplit(target.endpoint.strip())
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            f"endpoint {target.endpoint!r} of target {target.name} is no URL: write https://host or http://host:port"
        )
    return parts


def _rooted(path: str, root: str) -> str:
    """Return the path with what is missing of the root appended; one that ends in a version stands as it is.

    >>> [_rooted(path, "/openai/v1") for path in ("", "/openai", "/openai/v1", "/gateway", "/other/v2")]
    ['/openai/v1', '/openai/v1', '/openai/v1', '/gateway/openai/v1', '/other/v2']
    >>> _rooted("/v1beta", "/v1beta/openai"), _rooted("/v1beta1", "/v1")
    ('/v1beta/openai', '/v1beta1')
    """
    steps = root.split("/")[1:]
    for present in range(len(steps), 0, -1):
        head = "/" + "/".join(steps[:present])
        if path.endswith(head):
            return path + root[len(head) :]
    return path if re.search(r"/v\d+((alpha|beta)\d*)?$", path) else path + root
