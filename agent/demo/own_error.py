"""Our own error, told in a line of its own as soon as /metrics knows it."""

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterable
from typing import Final

import httpx

from agent.asking.truth import Errors
from agent.config.model import Export
from agent.once import error_line
from exporters import conventions

PATIENCE_S: Final = 60.0
PAUSE_S: Final = 0.5

_SAMPLE = re.compile(
    rf'^{conventions.CALIBRATION.name}{{stat="(?P<stat>\w+)",tls="(?P<tls>\w+)"}} (?P<value>\S+)$',
    re.MULTILINE,
)


async def tell(export: Export, say: Callable[[Iterable[str]], None]) -> None:
    """Say it once; nothing where it does not become known within a minute, which the log then explains."""
    with contextlib.suppress(TimeoutError):
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(PATIENCE_S):
            while not (errors := await _read(client, f"{page(export)}metrics")):  # noqa: ASYNC110 - other processes measure and show it
                await asyncio.sleep(PAUSE_S)
        say([f"nephoscope demo: {error_line(errors)}, measured on this machine just now"])


def page(export: Export) -> str:
    """Return where the page is.

    >>> page(Export(host="::1", port=9464))
    'http://[::1]:9464/'
    """
    host = f"[{export.host}]" if ":" in export.host else export.host
    return f"http://{host}:{export.port}/"


async def _read(client: httpx.AsyncClient, url: str) -> Errors:
    try:
        return errors_in((await client.get(url)).text)
    except httpx.HTTPError:
        return {}


def errors_in(text: str) -> Errors:
    """Return what a page says of our own error, empty where it says nothing.

    >>> errors_in('nephoscope_agent_calibration_error_seconds{stat="p99",tls="no"} 2e-05')
    {'no': {'p99': 2e-05}}
    """
    errors: dict[str, dict[str, float]] = {}
    for sample in _SAMPLE.finditer(text):
        errors.setdefault(sample["tls"], {})[sample["stat"]] = float(sample["value"])
    return errors
