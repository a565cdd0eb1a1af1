"""The index of docs/clouds: one row a provider of the catalogue, and the page that shows how it is configured."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from probes import catalog
from probes.provider import Provider

FOLDER: Final = Path(__file__).parents[2] / "docs" / "clouds"
INDEX: Final = FOLDER / "README.md"

_HEAD = """\
# Clouds, servers and gateways

Every system that this version asks: its name under `provider`, the values of `api` (the first is the usual one), what \
`credentials` takes, and the kinds of probes. A kind that only some APIs have is marked with them. This page is made \
from the catalogue (`UPDATE_GOLDEN=1 pytest tests/docs/test_clouds.py`); each row's page has the YAML, the least \
privilege that the probe needs, what is measured and what is not confirmed.

| system | `provider` | `api` | `credentials` | kinds |
|---|---|---|---|---|
"""


def index() -> str:
    """Return the page as it should be."""
    return _HEAD + "".join(
        f"| {' | '.join(_row(name))} |\n" for name in sorted(catalog.PROVIDERS, key=_order)
    )


def page(provider: str) -> Path | None:
    """Return the page that configures a provider: the one that is named for it, else the one that does so most."""
    wanted = re.compile(rf"(?<![\w-])provider: {re.escape(provider)}\b(?!-)")
    said = {file: len(wanted.findall("".join(blocks(file)))) for file in _pages()}
    found = [file for file, times in said.items() if times]
    return max(found, key=lambda file: (provider in file.stem.split("-"), said[file]), default=None)


def blocks(file: Path) -> list[str]:
    """Return the YAML blocks of a page."""
    return re.findall(r"```yaml\n(.*?)```", file.read_text(), re.DOTALL)


def _pages() -> list[Path]:
    return sorted(file for file in FOLDER.glob("*.md") if file != INDEX)


def _order(provider: str) -> tuple[str, str]:
    found = page(provider)
    return found.stem if found else "", provider


def _row(name: str) -> Iterator[str]:
    row, found = catalog.PROVIDERS[name], page(name)
    yield f"[{_title(found)}]({found.name})" if found else "-"
    yield f"`{name}`"
    yield " ".join(f"`{api}`" for api in row.apis)
    yield " ".join((*(f"`{kind}`" for kind in row.credentials), *(("none",) if row.anonymous else ())))
    yield ", ".join(_kinds(row))


def _title(file: Path) -> str:
    return file.read_text().partition("\n")[0].removeprefix("# ")


def _kinds(row: Provider) -> Iterator[str]:
    for kind in dict.fromkeys(kind for api in row.apis.values() for kind in api.calls):
        having = [name for name, api in row.apis.items() if kind in api.calls]
        yield kind if len(having) == len(row.apis) else f"{kind} ({', '.join(having)})"
