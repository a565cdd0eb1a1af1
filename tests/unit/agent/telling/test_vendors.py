"""Since when a vendor said something, as far as we know, and what becomes of a feed that fails."""

import asyncio

import pytest
import structlog

from agent.config.model import StatusFeed
from agent.feeds.incident import FeedError
from agent.feeds.reading import Fetched, Fetching
from agent.telling.vendors import GOOD_NS, Reading, Vendors
from probes.target import Path
from support import vendor_feeds

SECOND_NS = 1_000_000_000
NOON_NS = 1_795_867_200 * SECOND_NS
FEED = StatusFeed(cloud="openai", url="https://status.example.com", kind="statuspage")
CALM = vendor_feeds.statuspage(incidents=[], components=[], scheduled_maintenances=[])


class Scripted(Fetching):
    """Answers one thing after another."""

    def __init__(self, *answers: bytes | Exception | None) -> None:
        self._answers = iter(answers)

    async def aclose(self) -> None:
        pass

    async def fetch(self, url: str, path: Path, known: Fetched | None = None) -> Fetched | None:  # noqa: ARG002
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return None if answer is None else Fetched(body=answer)


def read(*answers: tuple[int, bytes | Exception | None]) -> Reading:
    """Return a feed after it was read at so many seconds after noon."""
    now = [0]
    reading = Reading(FEED, lambda: now[0])
    fetching = Scripted(*(answer for _, answer in answers))
    for seconds, _ in answers:
        now[0] = NOON_NS + seconds * SECOND_NS
        asyncio.run(reading.read(fetching))
    return reading


def said_ns(reading: Reading, name: str = "i1") -> int:
    assert reading.spoken is not None
    return next(one.said_ns for one in reading.spoken.incidents if one.id == name) - NOON_NS


def test_the_first_reading_believes_the_vendor() -> None:
    assert said_ns(read((400, vendor_feeds.statuspage()))) == 180 * SECOND_NS


def test_what_was_not_there_a_reading_ago_was_said_since() -> None:
    late = read((0, CALM), (600, CALM), (660, vendor_feeds.statuspage()), (720, vendor_feeds.statuspage()))
    assert said_ns(late) == 600 * SECOND_NS  # the page says 12:03, and at 12:10 it said nothing


def test_nothing_is_said_in_the_future() -> None:
    assert said_ns(read((60, vendor_feeds.statuspage()))) == 60 * SECOND_NS


def test_a_failure_is_told_once_and_what_was_read_stays() -> None:
    failure = FeedError("answers HTTP 500: wait")
    with structlog.testing.capture_logs() as lines:
        reading = read((400, vendor_feeds.statuspage()), (460, failure), (520, failure), (580, None))
    assert reading.spoken is not None
    assert reading.spoken.read_ns == NOON_NS + 580 * SECOND_NS  # not modified: still its word
    assert [line["event"] for line in lines] == ["feed.unread", "feed.read"]


@pytest.mark.parametrize("answer", [vendor_feeds.HTML, RuntimeError("a defect")])
def test_nothing_that_a_vendor_answers_ends_the_reading(answer: bytes | Exception) -> None:
    reading = read((400, vendor_feeds.statuspage()), (460, answer))
    assert reading.spoken is not None
    assert reading.spoken.read_ns == NOON_NS + 400 * SECOND_NS


def test_what_was_read_long_ago_is_no_word_any_more() -> None:
    now = [NOON_NS + 400 * SECOND_NS]
    read_once = asyncio.Event()

    def again(*_: float) -> float:
        read_once.set()
        return 3600.0

    vendors = Vendors(Scripted(vendor_feeds.statuspage()), lambda: now[0], again)

    async def one_reading() -> None:
        task = asyncio.create_task(vendors.keep_reading(lambda: [FEED]))
        async with asyncio.timeout(20):
            await read_once.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(one_reading())
    now[0] += GOOD_NS
    assert [one.feed.cloud for one in vendors.spoken()] == ["openai"]
    now[0] += 1
    assert vendors.spoken() == []
