"""Where a vendor's hosts are: the default address in a region, and whether a host is in the region that its target names."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from agent.config.context import Context
from agent.config.durations import shown
from agent.config.findings import Path
from agent.config.nearest import close
from agent.config.schema_asked import TargetSection
from probes.provider import Api, Provider

_WORD = re.compile(r"[a-z0-9-]+(\|[a-z0-9-]+)*")
"""A pattern that is a list of regions, and so can be told."""


class _Host(NamedTuple):
    """A vendor's host as its row writes it, and the region that this one is in, where the host says so."""

    regional: bool
    region: str | None
    fips: bool | None


def default_endpoint(context: Context, path: Path, section: TargetSection, provider: Provider) -> str:
    """Return the address of a target that names none; empty where nobody knows one, which is an error."""
    api = provider.api(section.api, section.api_version)
    known = provider.endpoint(api, section.region, fips=section.fips)
    if known is None and provider.endpoint(api, section.region) is not None:
        if provider.fips:  # else told already, as a key that has no effect
            context.findings.error(
                (*path, "fips"), _unvalidated(section, provider, "there is no address with it")
            )
    elif known is None and not (section.region is None and "region" in provider.needs):  # told already
        context.findings.error((*path, "endpoint"), _nowhere(section, provider, api))
    return known or ""


def judge(context: Context, path: Path, section: TargetSection, provider: Provider, endpoint: str) -> None:
    """Tell of a host that is not where its target says, as far as the host is one of the vendor's own."""
    name = (urlsplit(endpoint).hostname or "").lower()
    found = next(_hosts(provider, name), None)
    if found is None:
        return
    if section.fips and provider.fips and found.fips is not True:
        context.findings.error((*path, "fips"), _unvalidated(section, provider, f"{name} is no host with it"))
    if section.region is None:
        return
    if found.region is not None and found.region != section.region.lower():
        context.findings.error(
            (*path, "region"),
            f"says {shown(section.region)}, but {name} is in {found.region}; write region: {found.region}, or the host "
            f"in {section.region}",
        )
    elif found.region is None and not found.regional and _regional(provider):
        context.findings.warn(
            (*path, "region"),
            f"{shown(section.region)} is not in the host: {name} is the same for every region; write "
            f"{_choice(provider.api(section.api, section.api_version), provider)}, or take it out",
        )


def _unvalidated(section: TargetSection, provider: Provider, why: str) -> str:
    if provider.validated is not None and re.fullmatch(provider.validated, section.region or ""):
        return (
            f"changes nothing in {section.region}: the one host of `{section.provider}` there has validated cryptography "
            "as it is; take it out"
        )
    where = f" in {section.region}" if section.region else ""
    return (
        f"wants validated cryptography, and {why}: `{section.provider}` has none{where} that this version knows; "
        "take it out, or write endpoint: with such a host"
    )


def _nowhere(section: TargetSection, provider: Provider, api: Api) -> str:
    """Return why a target has no address."""
    addresses = api.endpoints or provider.endpoints
    if addresses and section.region is None:
        return f"is missing, and `{section.provider}` has no address without a region; write region:, or the base URL here"
    if addresses:
        region = str(section.region)
        meant = provider.regions.get(region.lower()) or close(region, provider.regions.values())
        choice = f"region: {meant}" if meant else _choice(api, provider)
        return (
            f"is missing, and this version knows no address of `{section.provider}` in region {shown(region)}; "
            f"write {choice}, or the base URL here"
        )
    usual = provider.environment.get("endpoint")
    return (
        f"is missing, and `{section.provider}` has no address of its own; write the base URL of your server"
        + (f", or ${{{usual}}}" if usual else "")
    )


def _choice(api: Api, provider: Provider) -> str:
    """Return which regions can be written, where the row lists them."""
    patterns = [pattern for pattern, address in _addresses(api, provider).items() if "{region}" in address]
    if not patterns or not all(_WORD.fullmatch(pattern) for pattern in patterns):
        return "one of its regions"
    return f"region: {' or '.join(word for pattern in patterns for word in pattern.split('|'))}"


def _regional(provider: Provider) -> bool:
    return any("{region}" in address for _, address in _all(provider))


def _hosts(provider: Provider, name: str) -> Iterator[_Host]:
    """Yield how a host is understood by each address of the row that it could be, one with a region first."""
    for pattern, address in sorted(_all(provider), key=lambda one: "{region}" not in one[1]):
        host = re.escape(urlsplit(address).netloc.partition(":")[0].lower())
        expression = host.replace(r"\{region\}", "(?P<region>[a-z0-9-]+)").replace(
            r"\{fips\}", "(?P<fips>-fips)?"
        )
        match = re.fullmatch(expression, name)
        if match is None:
            continue
        found = match.groupdict()
        # A host that stands for one region without its name in it: Google's `global`.
        alone = (
            pattern if "{region}" not in address and _WORD.fullmatch(pattern) and "|" not in pattern else None
        )
        yield _Host(
            "{region}" in address,
            found.get("region", alone),
            None if "fips" not in found else bool(found["fips"]),
        )


def _all(provider: Provider) -> list[tuple[str, str]]:
    return [one for api in provider.apis.values() for one in _addresses(api, provider).items()]


def _addresses(api: Api, provider: Provider) -> Mapping[str, str]:
    return api.endpoints or provider.endpoints
