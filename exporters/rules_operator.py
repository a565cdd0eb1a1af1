"""The same rules as manifests for the Prometheus operator: `PrometheusRule` objects of a size that it takes."""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence

from exporters.rules import blocks, head
from exporters.rules_words import quoted
from exporters.signals import RuleSpec

API_VERSION = "monitoring.coreos.com/v1"

MAX_BYTES = 400_000
"""Of one object: the operator turns each into one file of a ConfigMap and refuses more than 512 KiB, silently for
whoever applies it. An SLO has about 15 kB, so 24 targets with two objectives are more than one object."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME = 240
"""Of the 253 characters that Kubernetes allows; the rest is for the number of a further object."""

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What names and labels the objects; ValueError carries a sentence where Kubernetes would refuse it."""

    name: str = "nephoscope"
    namespace: str | None = None
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name) > _LONGEST_NAME:
            raise ValueError(
                f"{self.name!r} is no name of an object; write small letters, digits and -, as in nephoscope"
            )
        if self.namespace is not None and not _NAMESPACE.fullmatch(self.namespace):
            raise ValueError(f"{self.namespace!r} is no namespace; write small letters, digits and -")
        for key, value in self.labels.items():
            prefix, slash, name = key.rpartition("/")
            if not _LABEL_NAME.fullmatch(name) or (slash and not _NAME.fullmatch(prefix)):
                raise ValueError(f"{key!r} is no name of a label; write release or example.com/release")
            if not _LABEL_VALUE.fullmatch(value):
                raise ValueError(
                    f"{value!r} is no value of a label; write at most 63 letters, digits, -, _ and ."
                )


def render_operator(specs: Sequence[RuleSpec], metadata: Metadata) -> str:
    """Return the groups of `render` in as many objects as their size asks for; the same specs give the same bytes."""
    objects = [_object(part, metadata, number) for number, part in enumerate(_parts(specs), start=1)]
    return "\n".join(head(specs)) + "\n" + "---\n".join(objects)


def _parts(specs: Sequence[RuleSpec]) -> list[list[str]]:
    """Return the lines of the groups in order, cut between two SLOs where an object would grow too large."""
    parts: list[list[str]] = [[]]
    size = 0
    for block in blocks(specs):
        length = sum(len(line.encode()) + 1 for line in block)
        if parts[-1] and size + length > MAX_BYTES:
            parts.append([])
            size = 0
        parts[-1] += block
        size += length
    return parts


def _object(lines: Sequence[str], metadata: Metadata, number: int) -> str:
    groups = ["  groups:", *(f"  {line}" for line in lines)] if lines else ["  groups: []"]
    return "\n".join([*_head(metadata, number), "spec:", *groups, ""])


def _head(metadata: Metadata, number: int) -> Iterator[str]:
    yield f"apiVersion: {API_VERSION}"
    yield "kind: PrometheusRule"
    yield "metadata:"
    yield f"  name: {quoted(metadata.name if number == 1 else f'{metadata.name}-{number}')}"
    if metadata.namespace is not None:
        yield f"  namespace: {quoted(metadata.namespace)}"
    if metadata.labels:
        yield "  labels:"
        yield from (f"    {quoted(key)}: {quoted(value)}" for key, value in metadata.labels.items())
