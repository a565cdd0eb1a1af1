"""Target sections to targets: who serves, under which URL, with which identity."""

import dataclasses
import re
from collections.abc import Mapping

from agent import prices, retirements
from agent.config import regions
from agent.config.context import Context, loopback
from agent.config.durations import shown
from agent.config.findings import Path
from agent.config.identities import credentials, identities, real
from agent.config.nearest import nearest
from agent.config.references import references
from agent.config.schema_asked import ModelSection, TargetSection
from agent.config.secrets import MIN_LENGTH, sensitive
from agent.config.sections import Entry
from agent.config.ways import Ways
from probes import catalog
from probes import target as probing
from probes.provider import DATED, Provider

_DEPLOYED = {
    "azure": (None, "the name of a deployment", "the deployment"),
    "sagemaker": (None, "the name of an endpoint", "the endpoint's name"),
    "vertex": ("endpoint", "the number of an endpoint", "the endpoint's number"),
}
"""Providers that call a model by what its buyer chose: the API that does so (None is every one), and what is sent."""

_CALLED = {
    "alibaba": "qwen", "aws": "bedrock", "azure-openai": "azure", "claude": "anthropic", "dashscope": "qwen",
    "fireworks-ai": "fireworks", "github-models": "github", "google": "vertex", "grok": "xai",
    "llama.cpp": "openai-compatible", "microsoft": "azure", "nvidia": "nim", "ollama": "openai-compatible",
    "open-router": "openrouter", "oracle": "oci", "sglang": "openai-compatible", "tgi": "openai-compatible",
    "together-ai": "together", "togetherai": "together", "x-ai": "xai", "x.ai": "xai",
}  # fmt: skip
"""What newcomers call a provider, and its name here."""

_CALLS = ("/chat/completions", "/completions", "/responses", "/embeddings", "/messages")
"""How the address of a call ends, where a base URL is wanted."""

_KEYED = re.compile(r"[?&;](?:key|api[-_]?key|(?:access[-_]?)?token|subscription-key|sig)=", re.IGNORECASE)
"""Parameters of a query that are a key."""

RESERVED = frozenset(
    {
        "target", "probe", "vantage", "provider", "target_cloud", "target_region", "model", "team", "service",
        "simulated", "objective", "slo", "le", "job", "instance",
    }
)  # fmt: skip
"""Label names that already stand on a metric, or that Prometheus puts there."""


Models = Mapping[str, ModelSection]


def targets(
    context: Context, entries: list[Entry[TargetSection]], models: Models, ways: Ways
) -> tuple[probing.Target, ...]:
    _providers(context, models)
    _unused(context, entries, models)
    found = (_target(context, entry.path, entry.section, models, ways) for entry in entries)
    return tuple(target for target in found if target is not None)


def _target(
    context: Context, path: Path, section: TargetSection, models: Models, ways: Ways
) -> probing.Target | None:
    provider = catalog.PROVIDERS.get(section.provider)
    if provider is None:
        context.findings.error((*path, "provider"), _unknown(section.provider))
        return None
    if section.api is not None and section.api not in provider.apis:
        known = " or ".join(provider.apis)
        context.findings.error(
            (*path, "api"), f"`{section.provider}` is not spoken to as {shown(section.api)}; write {known}"
        )
        return None
    endpoint = _endpoint(context, path, section, provider)
    regions.judge(context, path, section, provider, endpoint)
    _labels(context, (*path, "labels"), section.labels)
    _places(context, path, section, provider)
    _residency(context, (*path, "served_in"), section, provider)
    found = probing.Target(
        name=section.name,
        provider=section.provider,
        cloud=section.cloud or provider.cloud,
        model=section.model,
        model_id=_model_id(context, path, section, models),
        endpoint=endpoint,
        group=section.model if section.model in models else section.name,
        region=section.region,
        served_in=section.served_in,
        api=section.api,
        api_version=section.api_version,
        project=_place(context, (*path, "project"), section.project),
        compartment=_place(context, (*path, "compartment"), section.compartment),
        fips=section.fips,
        credentials=credentials(context, path, section, provider, endpoint),
        headers=_headers(context, (*path, "headers"), section, endpoint),
        network=section.network,
        path=ways.path(path, section),
        team=section.team,
        quota=section.quota,
        model_class=models[section.model].class_ if section.model in models else None,
        capacity=section.capacity,
        critical=section.critical,
        labels=dict(sorted(section.labels.items())),
        count_throttled=section.count.throttled,
        traceparent=section.traceparent,
        simulated=section.simulated,
    )
    model = models.get(section.model)
    elsewhere = tuple((model.ids or {}).values()) if model else ()
    for one in retirements.due(found, context.today, elsewhere):
        context.findings.remind((*path, one.key), one.told(context.today))
    _family(context, path, found, provider)
    price = section.price
    if price is None:
        return dataclasses.replace(found, price=prices.listed(found, elsewhere))
    return dataclasses.replace(
        found, price=probing.Price(input=price.input, output=price.output, source="configured")
    )


def _family(context: Context, path: Path, target: probing.Target, provider: Provider) -> None:
    """Warn of a model that its API does not take, by what its id says of its family."""
    if provider.api(target.api, target.api_version).takes(target.model_id):
        return
    taking = [name for name, api in provider.apis.items() if api.takes(target.model_id)]
    named = [name for name in taking if provider.apis[name].families is not None]
    usual = [provider.usual] if provider.usual in taking else named or taking
    context.findings.warn(
        (*path, "api"),
        f"{target.api or provider.usual} does not take models of the family of `{target.model_id}`; write api: {' or '.join(usual)}",
    )


def _places(context: Context, path: Path, section: TargetSection, provider: Provider) -> None:
    """Tell of keys that a provider does not take, or without which it has no URL."""
    for key in ("project", "compartment", "region"):
        if key in provider.needs and getattr(section, key) is None:
            context.findings.error(
                (*path, key), f"is missing, and `{section.provider}` needs one; write {key}:"
            )
    for key in ("api_version", "project", "compartment", "fips"):
        if getattr(section, key) and not _hears(provider, key):
            heard = ", ".join(sorted(name for name, row in catalog.PROVIDERS.items() if _hears(row, key)))
            context.findings.error(
                (*path, key), f"has no effect for `{section.provider}` (only for {heard}); take it out"
            )
    if section.api_version is not None and _versioned(provider):
        _judge_version(context, (*path, "api_version"), section, provider)


def _residency(context: Context, path: Path, section: TargetSection, provider: Provider) -> None:
    if section.served_in and not provider.tells_region:
        context.findings.warn(
            path,
            f"no answer of `{section.provider}` tells in which region it was served, so residency would be unknown for "
            "ever; take it out, or ask through a gateway that tells it",
        )


def _hears(provider: Provider, key: str) -> bool:
    return {"api_version": bool(_versioned(provider)), "fips": provider.fips}.get(key, key in provider.needs)


def _versioned(provider: Provider) -> list[str]:
    """Return the names of the APIs that take an `api_version`."""
    return [name for name, api in provider.apis.items() if api.versions]


def _judge_version(context: Context, path: Path, section: TargetSection, provider: Provider) -> None:
    """Tell of a version that the chosen API would never send."""
    if provider.api(section.api, section.api_version).versions:
        return
    chosen = section.api or provider.usual
    if DATED in provider.apis:
        context.findings.error(
            path, f"chooses the dated API, and api: {chosen} another without versions; take one of them out"
        )
    else:
        context.findings.error(
            path,
            f"has no effect for api {chosen} of `{section.provider}` (only for api {' or '.join(_versioned(provider))}); "
            "take it out",
        )


def _place(context: Context, path: Path, text: str | None) -> str | None:
    return None if text is None else context.setting(path, text)


def _providers(context: Context, models: Models) -> None:
    """Tell of ids for providers that there are not."""
    for name, model in models.items():
        for provider in model.ids or ():
            if provider not in catalog.PROVIDERS:
                context.findings.error(("models", name, "ids", provider), _unknown(provider))


def _unused(context: Context, entries: list[Entry[TargetSection]], models: Models) -> None:
    """Warn of models that nobody serves."""
    for name in sorted(models.keys() - {entry.section.model for entry in entries}):
        context.findings.warn(
            ("models", name), f"no target is of this model; write model: {shown(name)} in one, or take it out"
        )


def _model_id(context: Context, path: Path, section: TargetSection, models: Models) -> str:
    """Return what the provider calls the model: the target's own word, else the table's, else the name itself."""
    model = models.get(section.model)
    if section.id is not None or model is None or model.ids is None:
        if section.id is None and not section.simulated:
            _warn_of_deployed(context, (*path, "model"), section)
        return section.id or section.model
    if section.provider not in model.ids:
        context.findings.error(
            (*path, "model"),
            f"`{section.model}` has no id for {section.provider}; write models: {{{section.model}: {{ids: "
            f"{{{section.provider}: ...}}}}}}, or id: in the target",
        )
    return model.ids.get(section.provider, section.model)


def _warn_of_deployed(context: Context, path: Path, section: TargetSection) -> None:
    api, sent, id_ = _DEPLOYED.get(section.provider, ("", "", ""))
    if sent and api in (None, section.api):
        context.findings.warn(
            path,
            f"`{section.model}` is sent as {sent}; write both, model: what answers, as in gpt-5-nano, and id: {id_}, "
            "even where they are alike",
        )


def _unknown(provider: str) -> str:
    known = ", ".join(sorted(catalog.PROVIDERS))
    called = _CALLED.get(provider.lower().replace("_", "-"))
    close = f"; did you mean `{called}`?" if called else nearest(provider, catalog.PROVIDERS)
    return f"unknown provider {shown(provider)}{close or '; write one of ' + known}"


def _endpoint(context: Context, path: Path, section: TargetSection, provider: Provider) -> str:
    """Return the base URL to call; empty where there is none, which is an error."""
    if section.endpoint is None:
        return regions.default_endpoint(context, path, section, provider)
    where = (*path, "endpoint")
    endpoint = context.setting(where, section.endpoint)
    if _KEYED.search(endpoint):
        context.findings.error(
            where, "holds a key in its query; write it under credentials, and the endpoint without it"
        )
    if not context.known(endpoint):
        return endpoint
    parts = context.url(where, endpoint)
    if parts is None:
        return ""
    if parts.username is not None:
        context.findings.error(where, "holds a user name or password; write them under credentials")
    if "{" in endpoint:
        context.findings.error(
            where,
            "holds {...}, which stands for a value of `for`, and this entry has none; write for: beside it",
        )
    if parts.path.rstrip("/").endswith(_CALLS) or (DATED in provider.apis and "/deployments/" in parts.path):
        context.findings.error(
            where,
            "is the address of a single call, and ours is put behind it; write the base URL alone, without what "
            "follows the host or /v1",
        )
    if parts.fragment:
        context.findings.error(where, "has a part after `#`, which is never sent; write the base URL alone")
    if parts.scheme == "http" and not loopback(parts.hostname) and identities(section.credentials):
        context.findings.warn(
            where, "sends credentials without encryption; write https:// where the server can"
        )
    return endpoint


def _headers(context: Context, where: Path, section: TargetSection, endpoint: str) -> Mapping[str, str]:
    for name, text in section.headers.items():
        context.secret((*where, name), text)
        bare = sensitive(name) and len(text) >= MIN_LENGTH and not references(text)
        if bare and real(section, endpoint):
            context.warn_of_spelled_out((*where, name))
    return dict(sorted(section.headers.items()))


def _labels(context: Context, where: Path, labels: Mapping[str, str]) -> None:
    for name in RESERVED & labels.keys():
        beside = "write it beside `labels`" if name in TargetSection.model_fields else "choose another name"
        context.findings.error((*where, name), f"is a label that every target has already; {beside}")
