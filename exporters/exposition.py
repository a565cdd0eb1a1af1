"""How numbers become a page, in classic text or OpenMetrics.

prometheus_client's writer escapes every label name of every line anew: 2 s of CPU for the 67,000 lines of 500 targets,
which is longer than a scraper of a busy machine waits. It still chooses the format, and the tests read and write by it.
"""

import functools
import io
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter

from prometheus_client.exposition import choose_encoder
from prometheus_client.utils import floatToGoString

from exporters import conventions
from exporters.conventions import FAMILIES, Family
from exporters.series import Exemplar, Histogram, Labels, Series

Infos = Mapping[str, Sequence[Mapping[str, str]]]
"""Labels of the info families by family name; their sets differ, so they are no `Series`."""

_NEEDLESS = ("escaping=dots", "escaping=values")
"""What a scraper may ask of names that the classic alphabet lacks; ours need none, so all are escaped alike."""


def render(series: Series, infos: Infos, accept: str) -> tuple[str, bytes]:
    """Return (content type, page) in the format that the Accept header asks for.

    Exemplars appear in OpenMetrics alone; anything else gets the classic text.
    """
    for asked in _NEEDLESS:
        accept = accept.replace(asked, "escaping=underscores")
    _, content_type = choose_encoder(accept)
    is_open = content_type.startswith("application/openmetrics-text")
    page = io.BytesIO()  # of 500 targets 10 MB, and all their lines at once were 30 MB more
    for family in FAMILIES.values():
        page.write("".join(_shown(family, series, infos, is_open=is_open)).encode())
    if is_open:
        page.write(b"# EOF\n")
    return content_type, page.getvalue()


def _shown(family: Family, series: Series, infos: Infos, *, is_open: bool) -> Iterator[str]:
    """Yield the lines of a family; nothing where it has no series."""
    match family.kind:
        case "info":
            lines = _info(family, infos.get(family.name, ()))
        case "counter" | "gauge":
            lines = _values(family, series.values.get(family.name, {}))
        case "histogram" | "summary":
            lines = _distributions(family, series.histograms.get(family.name, {}), is_open=is_open)
    first = next(lines, None)
    if first is None:
        return
    yield from _head(family, is_open=is_open)
    yield first
    yield from lines


def _head(family: Family, *, is_open: bool) -> Iterator[str]:
    name, kind, text = family.name, family.kind, family.help
    if is_open:
        name, text = name.removesuffix("_total").removesuffix("_info"), text.replace('"', r"\"")
    elif kind == "info":
        kind = "gauge"
    yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


def _info(family: Family, rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    for labels in rows:
        yield f"{family.name}{_braced(_named(tuple(labels), tuple(labels.values())))} 1.0\n"


def _values(family: Family, rows: Mapping[Labels, float]) -> Iterator[str]:
    name, names = family.name, family.labels
    for labels, value in rows.items():
        yield f"{name}{_braced(_named(names, labels))} {_number(value)}\n"


def _distributions(family: Family, rows: Mapping[Labels, Histogram], *, is_open: bool) -> Iterator[str]:
    name, names = family.name, family.labels
    bucketed = family.kind == "histogram"
    for labels, row in rows.items():
        named = _named(names, labels)
        if bucketed:
            # Labels stand in the order of their names; so do the lines of every other family.
            before = [text for text in named if text < "le"]
            after = [text for text in named if text > "le"]
            cumulated = 0
            edges = (*(_edge(edge) for edge in row.edges), "+Inf")
            for edge, count, exemplar in zip(edges, row.counts, row.exemplars, strict=True):
                cumulated += count
                own = _braced([*before, f'le="{edge}"', *after])
                said = _exemplar(exemplar) if is_open and exemplar else ""
                yield f"{name}_bucket{own} {_number(cumulated)}{said}\n"
        braced = _braced(named)
        yield f"{name}_count{braced} {_number(row.count)}\n{name}_sum{braced} {_number(row.sum)}\n"


def _named(names: tuple[str, ...], labels: Labels) -> list[str]:
    """Return the labels as a page writes them, in the order of their names.

    >>> _named(("target", "probe"), ("a", "chat"))
    ['probe="chat"', 'target="a"']
    """
    return [f'{name}="{_escaped(labels[at])}"' for name, at in _order(names)]


@functools.lru_cache
def _order(names: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(((name, at) for at, name in enumerate(names)), key=itemgetter(0)))


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _braced(named: Sequence[str]) -> str:
    return "{" + ",".join(named) + "}" if named else ""


def _number(value: float) -> str:
    return str(floatToGoString(value))


_edge = functools.cache(_number)


def _exemplar(exemplar: Exemplar) -> str:
    # The root span's id is the last 8 of the trace id's 16 bytes (decision 6 of the architecture).
    ids = {conventions.SPAN_ID: exemplar.trace_id[-16:], conventions.TRACE_ID: exemplar.trace_id}
    named = _named(tuple(ids), tuple(ids.values()))
    return f" # {_braced(named)} {_number(exemplar.value)} {exemplar.at_s}"
