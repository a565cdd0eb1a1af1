"""Quorums and status feeds: what is taken, what is refused with a sentence, and what deserves a second look."""

import pytest

from agent.config.model import Config, StatusFeed
from probes.target import Path
from support.configuration import LOCAL, findings, loaded

L = f"vantage: fra-1\ntargets: [{LOCAL}]\n"
URL = "https://status.example.com/api/v2/summary.json"
FEED = f"cloud: vllm, kind: statuspage, url: {URL}"
NAMED = 'storage: {url: "postgresql://n@pg/n"}\n'


def fed(*more: str, **top: str) -> str:
    return (
        L
        + "".join(f"{key}: {value}\n" for key, value in top.items())
        + f"alerts: {{status_feeds: [{', '.join(more)}]}}\n"
    )


def warned(text: str) -> str:
    return "\n".join(loaded(text).warnings)


def test_a_quorum_is_read_and_without_one_each_vantage_pages_for_itself() -> None:
    text = f"{L}{NAMED}alerts: {{page: {{quorum: {{at_least: 2, of: vantage}}}}}}"
    assert loaded(text).config.paging.quorum == 2
    assert "quorum" not in warned(text)
    assert loaded(L).config.paging.quorum is None


@pytest.mark.parametrize(
    ("quorum", "said"),
    [
        ("{at_least: 0}", "at_least"),
        ("{at_least: two}", "at_least"),
        ("{}", "at_least: is missing"),
        ("{at_least: 2, of: cloud}", "vantage"),
        ("{at_least: 2, off: vantage}", "unknown key `off`"),
        ("2", "map"),
    ],
)
def test_what_is_no_quorum_is_refused(quorum: str, said: str) -> None:
    (found,) = findings(f"{L}alerts: {{page: {{quorum: {quorum}}}}}")
    assert said in found


def test_a_quorum_that_nobody_helps_to_reach_is_warned_of() -> None:
    quorum = "alerts: {page: {quorum: {at_least: 1}}}"
    assert "no effect with the embedded database" in warned(f"{L}{quorum}")
    assert "quorum" not in warned(f"{L}{NAMED}{quorum}"), "one of those that find it tells"


def test_a_feed_is_read_with_its_words_and_its_way() -> None:
    text = fed(
        f"{{{FEED}, match: [Chat, Batch], network: lab}}",
        networks="{lab: {proxy: none, witnesses: [{dns: www.example.com}]}}",
    )
    feed = StatusFeed(
        cloud="vllm", url=URL, kind="statuspage", match=("Chat", "Batch"), path=Path(proxy="none")
    )
    assert loaded(text).config.status_feeds == (feed,)
    assert "lab" not in warned(text)  # a feed goes that way, so it is no idle network
    config = loaded(text).config
    assert Config.decode(config.encode()) == config


@pytest.mark.parametrize(
    ("feed", "said"),
    [
        ("{kind: statuspage, url: https://x}", "cloud: is missing"),
        ("{cloud: vllm, kind: statuspage}", "url: is missing"),
        ("{cloud: vllm, kind: json, url: https://x}", "kind"),
        ("{cloud: vllm, type: rss, url: https://x, kind: rss}", "is called `kind` here"),
        ("{cloud: vllm, kind: rss, url: ftp://x}", "does not begin with http"),
        ("{cloud: vllm, kind: rss, url: 'https://a:b@x'}", "holds a password"),
        ("{cloud: vllm, kind: rss, url: https://x, network: nowhere}", "there is no network"),
        (f"{{{FEED}}}, {{{FEED}, match: [a]}}", "stands there twice"),
    ],
)
def test_what_is_no_feed_is_refused(feed: str, said: str) -> None:
    (found,) = findings(fed(feed))
    assert said in found


def test_a_feed_of_a_cloud_that_no_target_uses_is_warned_of() -> None:
    text = fed(f"{{{FEED.replace('vllm', 'azure')}}}")
    assert "no target is of the cloud `azure`, so nothing is asked of it" in warned(text)
    assert "no target is of" not in warned(fed(f"{{{FEED.replace('vllm', 'self-hosted')}}}"))


def test_a_feed_is_no_part_of_what_is_probed_and_judged() -> None:
    assert loaded(L).config.hash == loaded(fed(f"{{{FEED}}}")).config.hash
