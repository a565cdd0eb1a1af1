"""What all generated rules are made of: selectors of series, labels, quoting and titles."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from exporters import conventions as names
from exporters.signals import RuleSpec, SloKey

Rule = Mapping[str, str | Mapping[str, str]]

NOT_NEW = f"unless on(target, vantage) ({names.TARGET_WARM.name} == 0)"
"""Leaves out the series of targets that are too new to page."""


def sloth_labels(key: SloKey) -> dict[str, str]:
    """Return the labels that name an SLO in every rule (architecture.md, decision 7)."""
    return {names.SLOTH_ID: key.id, names.SLOTH_SERVICE: key.service, names.SLOTH_SLO: key.objective}


def quoted(text: str) -> str:
    r"""Return text as a double-quoted string that YAML, PromQL and Go templates read alike.

    >>> print(quoted('a "b"' + chr(10) + chr(127)))
    "a \"b\"\n\u007f"
    """
    shown = json.dumps(text, ensure_ascii=False)
    return re.sub(
        r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda found: f"\\u{ord(found[0]):04x}", shown
    )


def pattern(among: Iterable[str]) -> str:
    r"""Return a quoted pattern that some texts match, and nothing else.

    >>> print(pattern(["gpt-5.1", "nano"]))
    "gpt-5\\.1|nano"
    """
    return quoted("|".join(re.sub(r"[.^$*+?{}\[\]\\|()]", r"\\\g<0>", one) for one in among))


def selector(metric: names.Family, series: Sequence[str], result: str | None = None) -> str:
    """Return the series of some SLOs, from every vantage; `result` is a pattern of alternatives."""
    matchers = [f"slo={quoted(series[0])}" if len(series) == 1 else f"slo=~{pattern(series)}"]
    if result:
        matchers.append(f'result=~"{result}"' if "|" in result else f'result="{result}"')
    return f"{metric.name}{{{','.join(matchers)}}}"


def counted(spec: RuleSpec) -> names.Family:
    """Return the counters that an SLO is judged by: of events, or of slices that are over."""
    return names.SLO_SLICES if spec.slice_s else names.SLI_EVENTS


def increase(
    metric: names.Family,
    spec: RuleSpec,
    window: str,
    result: str | None = None,
    *,
    by: str | None = None,
    warm: bool = False,
) -> str:
    """Return by how much the SLO's counters rose within a window, over all its series or those of `warm` targets."""
    among = f" by ({by}) " if by else ""
    aside = f" {NOT_NEW}" if warm else ""
    return f"sum{among}(increase({selector(metric, spec.series, result)}[{window}]){aside})"


def own(spec: RuleSpec) -> str:
    """Return what picks the recorded series of one SLO."""
    return f"{{{names.SLOTH_ID}={quoted(spec.slo.id)}}}"


def alert_labels(spec: RuleSpec) -> dict[str, str]:
    """Return what stands behind the SLO.

    It is written out rather than joined from `target_info`: a page must not depend on another series being
    there, once, at that instant.
    """
    key = spec.slo
    if spec.impact is not None:
        return {**spec.labels, "service": key.service}
    whom = {} if key.pool else {"target": key.target, "probe": key.probe}
    return {**spec.labels, "objective": key.objective, **whom}


def title(spec: RuleSpec) -> str:
    """Return what an alert is about, in words."""
    if spec.impact is not None:
        return f"Service {spec.slo.service}"
    probe = f" ({spec.slo.probe})" if spec.slo.probe else ""
    return f"{spec.slo.service}{probe}: objective {spec.slo.objective}"


def runbook(spec: RuleSpec) -> dict[str, str]:
    """Return the annotation that leads to the runbook, where there is one."""
    return literals({"runbook_url": spec.runbook}) if spec.runbook else {}


def our_runbook(specs: Sequence[RuleSpec]) -> dict[str, str]:
    """Return the annotation of what is about us: all specs that were made together have the same."""
    return literals({"runbook_url": specs[0].our_runbook}) if specs[0].our_runbook else {}


def literals(texts: Mapping[str, str]) -> dict[str, str]:
    """Return texts that Prometheus' templates leave as they stand: labels and annotations of alerts are expanded."""
    return {name: text.replace("{{", '{{"{{"}}') for name, text in texts.items()}


def percent(ratio: float) -> str:
    """Return a ratio as a percentage, digit for digit.

    >>> percent(0.999), percent(0.9)
    ('99.9', '90')
    """
    return f"{(Decimal(repr(ratio)) * 100).normalize():f}"
