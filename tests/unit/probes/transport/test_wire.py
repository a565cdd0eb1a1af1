import asyncio
import threading

import httpx
import pytest

from probes.target import Path
from probes.transport import errors
from probes.transport.wire import WireTransport


def test_making_a_transport_starts_nothing() -> None:
    """Build everything, then start everything: no thread, no loop, no file."""
    before = threading.active_count()
    transport = WireTransport()
    assert threading.active_count() == before
    asyncio.run(transport.aclose())


def test_warming_up_finds_unreadable_certificates() -> None:
    """At start, not at the first probe."""
    transport = WireTransport()
    with pytest.raises(errors.Misconfigured, match=r"absent\.pem"):
        transport.warm_up([Path(), Path(ca="absent.pem")])
    asyncio.run(transport.aclose())


@pytest.mark.parametrize("url", ["ftp://a.example", "http://", "a.example/v1"])
def test_an_endpoint_that_is_no_web_address_is_refused(url: str) -> None:
    """Before anything is looked up."""
    transport = WireTransport()
    with pytest.raises(errors.Misconfigured, match="write it as https://host or http://host"):
        asyncio.run(transport.handle_async_request(httpx.Request("GET", url)))
    asyncio.run(transport.aclose())
