"""Status feeds over a real wire: what is asked, and every way in which a vendor's page may misbehave."""

import asyncio
import base64

import pytest

from agent.config.model import StatusFeed
from agent.feeds import reading
from agent.feeds.incident import FeedError
from agent.feeds.reading import LIMIT_BYTES, Fetched, Fetching
from agent.telling.vendors import Vendors
from probes.target import Path
from probes.transport.wire import WireTransport
from support import vendor_feeds
from support.secrets import FakeSecrets
from support.wireserver import Asked, Peer, Script, WireServer, always, answer, chunk, head

WAY = Path(proxy="none")
TAG = {"ETag": '"v1"', "Last-Modified": "Sat, 28 Nov 2026 12:05:00 GMT"}


def feed(url: str, cloud: str = "openai", kind: str = "statuspage") -> StatusFeed:
    return StatusFeed(cloud=cloud, url=url, kind=kind, path=WAY)


def fetched(script: Script, known: Fetched | None = None, *, deaf: bool = False) -> Fetched | None:
    """Return what is fetched from a server; `deaf`: that listens no more."""

    async def once() -> Fetched | None:
        transport = WireTransport()
        try:
            async with WireServer(script) as server:
                if deaf:
                    server.stop_listening()
                fetching = Fetching(transport, lambda: FakeSecrets({}))
                return await fetching.fetch(f"{server.url}/feed", WAY, known)
        finally:
            await transport.aclose()

    return asyncio.run(once())


def test_a_feed_is_asked_for_once_and_then_whether_it_changed() -> None:
    asked: list[Asked] = []

    async def script(peer: Peer) -> None:
        asked.append(await peer.request())
        known = "if-none-match" in asked[-1].headers
        await peer.send(answer(status="304 Not Modified") if known else answer(b"{}", headers=TAG))

    first = fetched(script)
    assert first is not None
    assert (first.body, first.etag) == (b"{}", '"v1"')
    assert fetched(script, first) is None
    assert asked[0].headers["accept-encoding"] == "identity"
    assert asked[1].headers["if-none-match"] == '"v1"'
    assert asked[1].headers["if-modified-since"] == TAG["Last-Modified"]


async def endless(peer: Peer) -> None:
    await peer.request()
    await peer.send(head({"Transfer-Encoding": "chunked"}))
    for _ in range(LIMIT_BYTES // 65536 + 2):
        await peer.send(chunk(b" " * 65536))


async def cut(peer: Peer) -> None:
    await peer.request()
    await peer.send(head({"Content-Length": "1000"}) + b"{}")


GZIP = {"Content-Encoding": "gzip"}
AWAY = {"Location": "https://status.example.com/api/v2/summary.json"}


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (always(answer(status="500 Internal Server Error")), "answers HTTP 500"),
        (always(answer(status="404 Not Found")), "answers HTTP 404"),
        (always(answer(status="302 Found", headers=AWAY)), "write https://status.example.com/api/v2/summary"),
        (always(answer(status="301 Moved Permanently", headers={"Location": "javascript:x"})), "where it leads"),
        (always(answer(b"\x1f\x8b", headers=GZIP)), "compressed"),
        (endless, "more than 8 MiB"),
        (cut, "was not reached"),
    ],
)  # fmt: skip
def test_what_is_no_feed_is_said_so_with_the_remedy(script: Script, said: str) -> None:
    with pytest.raises(FeedError, match=said):
        fetched(script)


def test_a_feed_that_hangs_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LIMIT_S", 0.05)
    with pytest.raises(FeedError, match="did not answer within"):
        fetched(silent)


def test_nobody_listening_is_a_feed_error() -> None:
    with pytest.raises(FeedError, match="was not reached"):
        fetched(always(answer()), deaf=True)


def test_a_feed_goes_by_the_proxy_of_its_network_whose_password_is_resolved() -> None:
    asked: list[Asked] = []

    async def script(peer: Peer) -> None:
        asked.append(await peer.request())
        await peer.send(answer(b"{}"))

    async def once() -> None:
        transport = WireTransport()
        async with WireServer(script) as proxy:
            way = Path(proxy=f"http://sre:${{PW}}@127.0.0.1:{proxy.port}")
            fetching = Fetching(transport, lambda: FakeSecrets({"PW": "s3cret/pw"}))
            await fetching.fetch("http://status.example.com/feed", way)
        await fetching.aclose()

    asyncio.run(once())
    (one,) = asked
    assert one.target == "http://status.example.com/feed"
    assert one.headers["proxy-authorization"] == f"Basic {base64.b64encode(b'sre:s3cret/pw').decode()}"


class Watched:
    """Feeds as they are read for ever; each reading lets whoever waits look again."""

    def __init__(self, transport: WireTransport, feeds: list[StatusFeed]) -> None:
        self.feeds = feeds
        self._read = asyncio.Event()
        self.vendors = Vendors(
            Fetching(transport, lambda: FakeSecrets({})), lambda: 1_795_867_560_000_000_000, self._again
        )
        self._task = asyncio.create_task(self.vendors.keep_reading(lambda: self.feeds))

    def _again(self, *_: float) -> float:
        self._read.set()
        return 0.01

    async def until(self, clouds: set[str]) -> None:
        """Wait until these feeds and no others have spoken."""
        async with asyncio.timeout(20):
            while {one.feed.cloud for one in self.vendors.spoken()} != clouds:
                self._read.clear()
                await self._read.wait()

    async def stop(self) -> None:
        assert not self._task.done()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def silent(peer: Peer) -> None:
    await peer.request()
    await asyncio.Event().wait()


def test_one_feed_that_hangs_or_lies_keeps_no_other_from_being_read() -> None:
    async def watch() -> dict[str, int]:
        transport = WireTransport()
        async with (
            WireServer(silent) as hanging,
            WireServer(always(answer(vendor_feeds.HTML))) as lying,
            WireServer(always(answer(vendor_feeds.statuspage()))) as page,
            WireServer(always(answer(vendor_feeds.google()))) as google,
            WireServer(always(answer(vendor_feeds.AWS))) as aws,
        ):
            feeds = [
                feed(hanging.url, "a"),
                feed(lying.url, "b"),
                feed(page.url),
                feed(google.url, "vertex", "google"),
                feed(aws.url, "aws", "rss"),
            ]
            watched = Watched(transport, feeds)
            await watched.until({"openai", "vertex", "aws"})
            said = {one.feed.cloud: len(one.incidents) for one in watched.vendors.spoken()}
            await watched.stop()
        return said

    assert asyncio.run(watch()) == {"openai": 4, "vertex": 2, "aws": 2}


def test_a_feed_that_a_reload_takes_away_or_brings_is_let_go_or_read() -> None:
    async def watch() -> None:
        transport = WireTransport()
        async with WireServer(always(answer(vendor_feeds.statuspage()))) as page:
            watched = Watched(transport, [feed(page.url)])
            await watched.until({"openai"})
            watched.feeds = [feed(page.url, "azure")]
            await watched.until({"azure"})
            await watched.stop()

    asyncio.run(watch())
