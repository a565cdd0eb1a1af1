"""What stands as labels of a target: on its metrics and rules, and on the alerts that it, or all their targets, share. Pure."""

import dataclasses
from collections.abc import Iterable, Mapping

from agent.config.model import Config
from agent.slo.alerts import Finding
from exporters.signals import TargetInfo
from probes.target import Target


def labelled(finding: Finding, config: Config, targets: Mapping[str, Target]) -> Finding:
    """Return the finding with the labels of its targets; its own go before them.

    Of a service they are those that all its members share, whichever of them fail or are in maintenance: labels name
    an alert for ever.
    """
    names = _names(finding, config)
    shared = shared_by(targets[name] for name in names if name in targets)
    return dataclasses.replace(finding, labels={**shared, **finding.labels}) if shared else finding


def labels_of(target: Target) -> dict[str, str]:
    """Return a target's labels: the user's own, and over them what it is.

    >>> labels_of(Target(name="t", provider="vllm", cloud="fra", model="nano", model_id="n", endpoint="http://f", group="g",
    ...     team="assist", labels={"env": "prod", "cloud": "mine"}))
    {'env': 'prod', 'cloud': 'fra', 'model': 'nano', 'team': 'assist'}
    """
    known = {
        "cloud": target.cloud,
        "region": target.region,
        "model": target.model,
        "class": target.model_class,
        "team": target.team,
    }
    return {**target.labels, **{name: value for name, value in known.items() if value}}


def shared_by(targets: Iterable[Target]) -> dict[str, str]:
    """Return the labels that some targets have in common."""
    return _shared(map(labels_of, targets))


def _names(finding: Finding, config: Config) -> Iterable[str]:
    if "target" in finding.labels:
        return [finding.labels["target"]]
    if "service" in finding.labels:
        named = [one for one in config.services if one.name == finding.labels["service"]]
        return dict.fromkeys(member.target for service in named for member in service.members)
    # A coverage ticket about the agent names whichever targets lack slots now.
    return () if finding.name == "CoverageLost" else finding.facts.get("targets", ())


def _shared(labels: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return what is the same in all of them.

    >>> _shared([{"team": "a", "cloud": "x"}, {"team": "a", "cloud": "y"}]), _shared([])
    ({'team': 'a'}, {})
    """
    first, *others = [*labels] or [{}]
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in others)}


def info_of(target: Target) -> TargetInfo:
    """Return what stands on a target's `target_info`, and as labels on its rules."""
    return TargetInfo(
        target=target.name,
        provider=target.provider,
        cloud=target.cloud,
        region=target.region,
        model=target.model,
        team=target.team,
        simulated=target.simulated,
        labels=target.labels,
    )
