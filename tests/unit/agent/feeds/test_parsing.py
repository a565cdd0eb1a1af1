"""What vendors publish, in each of their shapes; whatever else comes is a clear error."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.feeds import rss
from agent.feeds.incident import MOST, FeedError, Incident, instant
from agent.feeds.kinds import KINDS
from support import vendor_feeds

GOOD = {
    "statuspage": [vendor_feeds.statuspage()],
    "google": [vendor_feeds.google()],
    "rss": [vendor_feeds.AWS, vendor_feeds.AZURE, vendor_feeds.ATOM],
}
WHOLE = [(kind, body) for kind, bodies in GOOD.items() for body in bodies]


def at(clock: str) -> int:
    return round(datetime.fromisoformat(f"2026-11-{clock}").replace(tzinfo=UTC).timestamp() * 1e9)


def found(kind: str, body: bytes) -> dict[str, Incident]:
    return {one.id: one for one in KINDS[kind](body)}


def test_a_statuspage_tells_incidents_maintenance_and_ill_parts_without_one() -> None:
    told = found("statuspage", vendor_feeds.statuspage())
    assert sorted(told) == ["component/c2", "i0", "i1", "m1"]
    assert told["i1"] == Incident(
        id="i1",
        title="Elevated error rates in chat",
        began_ns=at("28T12:01"),
        said_ns=at("28T12:03"),
        updated_ns=at("28T12:05"),
        parts=("Chat",),
        url="https://stspg.io/i1",
    )
    assert told["i0"].ended_ns == at("20T09:00")
    assert told["component/c2"].title == "Batch: degraded performance"
    assert (told["m1"].began_ns, told["m1"].parts) == (at("28T10:00"), ("Fine-tuning",))


def test_an_incident_that_is_over_without_saying_when_ended_with_its_last_word() -> None:
    body = vendor_feeds.statuspage(
        incidents=[{"id": "x", "status": "resolved", "created_at": "2026-11-28T01:00:00Z", "updated_at": "2026-11-28T02:00:00Z"}],
        components=[],
        scheduled_maintenances=[],
    )  # fmt: skip
    assert found("statuspage", body)["x"].ended_ns == at("28T02:00")


def test_google_tells_products_and_the_locations_of_now_or_of_before() -> None:
    told = found("google", vendor_feeds.google())
    assert told["g1"] == Incident(
        id="g1",
        title="Vertex AI: requests to Gemini fail in us-central1",
        began_ns=at("28T12:00"),
        said_ns=at("28T12:20"),
        updated_ns=at("28T12:40"),
        parts=("Vertex Gemini API", "Vertex AI Online Prediction"),
        regions=("us-central1",),
        url="https://status.cloud.google.com/incidents/g1",
    )
    assert (told["g0"].ended_ns, told["g0"].regions, told["g0"].parts) == (
        at("01T02:00"), ("eu",), ("Google BigQuery",),
    )  # fmt: skip


def test_updates_of_aws_are_joined_and_an_end_parts_two_incidents() -> None:
    first, second = rss.incidents(vendor_feeds.AWS)
    assert (first.title, first.said_ns, first.ended_ns) == (
        "Service impact: Increased Latencies", at("27T09:10"), at("27T10:00"),
    )  # fmt: skip
    assert (second.said_ns, second.updated_ns, second.ended_ns) == (at("28T12:15"), at("28T12:45"), None)
    assert second.regions == ("us-east-1",)
    assert second.fits(["bedrock"], ["us-east-1"])
    assert not second.fits(["bedrock"], ["eu-central-1"])
    assert second.until_ns == at("29T12:45")


def test_azure_tells_its_services_as_categories() -> None:
    (one,) = rss.incidents(vendor_feeds.AZURE)
    assert one.parts == ("Azure OpenAI Service", "Sweden Central")
    assert (one.said_ns, one.updated_ns, one.ended_ns) == (at("28T12:10"), at("28T12:30"), None)
    assert one.url == "https://azure.status.microsoft/en-us/status/"


def test_an_atom_entry_whose_text_begins_with_its_end_is_over() -> None:
    (one,) = rss.incidents(vendor_feeds.ATOM)
    assert (one.title, one.said_ns, one.ended_ns) == ("Errors with chat", at("28T12:02"), at("28T12:50"))
    assert one.url == "https://status.example.com/incidents/7"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff",
        vendor_feeds.HTML,
        b"[1, 2",
        b"null",
        b'{"page": 1}',
        b"[" * 100_000,
        b"<a>" * 100,
        b"<rss/>x",
        b'<?xml version="1.0" encoding="nonesuch"?><rss/>',
        vendor_feeds.BOMB,
        vendor_feeds.FILES,
    ],
    ids=lambda body: body[:12].decode("latin-1"),
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_feed_is_a_clear_error(kind: str, body: bytes) -> None:
    with pytest.raises(FeedError) as error:
        KINDS[kind](body)
    assert error.value.args[0].count(": ") == 1


@pytest.mark.parametrize("body", [vendor_feeds.BOMB, vendor_feeds.FILES])
def test_a_document_type_is_refused_before_an_entity_is_read(body: bytes) -> None:
    with pytest.raises(FeedError, match="declares a document type"):
        rss.incidents(body)


@pytest.mark.parametrize(("nested", "beside"), [(60, 0), (1, rss.ELEMENTS)])
def test_a_tree_is_neither_too_deep_nor_too_wide(nested: int, beside: int) -> None:
    body = b"<rss>" + b"<a>" * nested + b"<b/>" * beside + b"</a>" * nested + b"</rss>"
    with pytest.raises(FeedError, match="as no feed is"):
        rss.incidents(body)


def test_no_more_incidents_than_anybody_looks_at_are_taken() -> None:
    many = [{"id": f"i{n}", "begin": "2026-11-28T00:00:00Z"} for n in range(MOST + 5)]
    assert len(KINDS["google"](json.dumps(many).encode())) == MOST


def clean(incident: Incident) -> bool:
    texts = (incident.id, incident.title, *incident.parts, *incident.regions)
    return all(one.isprintable() for one in texts) and incident.said_ns > 0


def judged(kind: str, body: bytes) -> None:
    try:
        told = KINDS[kind](body)
    except FeedError:
        return
    assert all(clean(one) for one in told)
    assert len(told) <= 4 * MOST


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.sampled_from(["2026-11-28T12:00:00Z", "resolved"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from([
            "incidents", "components", "scheduled_maintenances", "id", "name", "status", "created_at", "updated_at", "begin", "end",
            "incident_updates", "affected_components", "affected_products", "currently_affected_locations", "title", "uri",
        ]),
        inner,
        max_size=6,
    ),
    max_leaves=40,
)  # fmt: skip


@given(JSON, st.sampled_from(["statuspage", "google"]))
def test_any_json_is_incidents_or_a_feed_error(data: object, kind: str) -> None:
    judged(kind, json.dumps(data).encode())


@given(
    st.sampled_from(WHOLE),
    st.lists(st.tuples(st.integers(0, 4000), st.binary(max_size=6)), max_size=6),
    st.integers(0, 6000),
)
def test_a_feed_that_is_cut_or_mangled_is_incidents_or_a_feed_error(
    whole: tuple[str, bytes], changes: list[tuple[int, bytes]], end: int
) -> None:
    kind, body = whole
    for place, piece in changes:
        body = body[:place] + piece + body[place + len(piece) :]
    judged(kind, body[:end])


@given(st.binary(max_size=200), st.sampled_from(sorted(KINDS)))
def test_any_bytes_are_incidents_or_a_feed_error(body: bytes, kind: str) -> None:
    judged(kind, body)


@given(st.text(max_size=60))
def test_any_text_is_an_instant_or_none(text: str) -> None:
    assert instant(text) is None or isinstance(instant(text), int)


PIECES: list[bytes] = [
    b"<rss>", b"</rss>", b"<feed>", b"</feed>", b"<item>", b"</item>", b"<entry>", b"</entry>", b"<title>x</title>",
    b"<guid>a#b_123456789</guid>", b"<pubDate>Sat, 28 Nov 2026 04:45:00 PST</pubDate>", b"<pubDate>x</pubDate>", b"<category/>",
    b"<link href='https://x'/>", b"<description>[RESOLVED]</description>", b"&amp;", b"&x;", b"<![CDATA[", b"]]>", b"<!-- -->", b"<?a b?>",
]  # fmt: skip
SHAPES: Callable[[list[bytes]], bytes] = b"".join


@given(st.lists(st.sampled_from(PIECES), max_size=30).map(SHAPES))
def test_any_pieces_of_rss_are_incidents_or_a_feed_error(body: bytes) -> None:
    judged("rss", body)
    judged("rss", b"<rss>" + body + b"</rss>")
