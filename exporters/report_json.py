"""The weekly report as JSON: every figure, ratios 0-1, seconds, instants in RFC 3339."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from exporters.signals import SloKey
from exporters.weeks import Incident, Shortfall, WeeklyReport
from probes.result import rfc3339


def render(report: WeeklyReport) -> str:
    return json.dumps(_plain(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        if isinstance(value, SloKey):
            fields["id"] = value.id
        if isinstance(value, Incident | Shortfall):
            fields["duration_s"] = value.duration_s
        return dict(_entry(name, found) for name, found in fields.items())
    if isinstance(value, Mapping):
        return {name: _plain(found) for name, found in value.items()}
    if isinstance(value, tuple):
        return [_plain(found) for found in value]
    return value


def _entry(name: str, value: Any) -> tuple[str, Any]:
    """Return a field under its outside name: `since_ns` is told as `since_at`; what lasts has no end."""
    if name.endswith("_ns"):
        return f"{name[:-3]}_at", None if value is None else rfc3339(value)
    return name, _plain(value)
