"""Five hundred requests at once on one core, as the asker may have them in flight."""

import asyncio
import pathlib
import resource
from collections.abc import Iterator

import pytest
import uvloop

from probes.target import Path
from probes.transport.wire import WireTransport
from support.certificates import Authority
from support.wireclient import Told, ask, asking
from support.wireserver import Peer, WireServer, chunk, head

AT_ONCE = 500


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    """Both ends of every connection are in this process: 1,000 descriptors and some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * AT_ONCE
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"needs {wanted} open files, the hard limit here is {hard} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def gathered(*, path: Path, tls: Authority | None) -> list[Told]:
    """Ask AT_ONCE times at one instant, of a server that answers nobody before all are there."""

    async def scenario() -> list[Told]:
        all_there = asyncio.Barrier(AT_ONCE)

        async def script(peer: Peer) -> None:
            await peer.request()
            await all_there.wait()
            await peer.send(head({"Transfer-Encoding": "chunked"}) + chunk(b"one"), chunk(b"two"), chunk(b""))

        transport = WireTransport()
        transport.warm_up([path])
        async with WireServer(script, tls=tls.server() if tls else None) as server:
            requests = [asking(server.url, path=path, connect_s=60) for _ in range(AT_ONCE)]
            told = await asyncio.gather(*(ask(transport, request) for request in requests))
            await transport.aclose()
            assert server.connections == AT_ONCE
            return told

    return uvloop.run(scenario())


def test_five_hundred_requests_at_once_all_come_whole() -> None:
    """Each over its own connection, no error that the server did not cause."""
    told = gathered(path=Path(proxy="none"), tls=None)
    assert {(each.status, each.body, each.wire.reused) for each in told} == {(200, b"onetwo", False)}


def test_five_hundred_requests_at_once_all_come_whole_over_tls(tmp_path: pathlib.Path) -> None:
    """The same with a handshake each."""
    authority = Authority(tmp_path)
    told = gathered(path=Path(proxy="none", ca=authority.ca), tls=authority)
    assert {(each.status, each.body) for each in told} == {(200, b"onetwo")}
