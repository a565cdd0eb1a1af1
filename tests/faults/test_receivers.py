"""Receivers that hang, refuse, babble or are not there: no probe waits, no notice is lost, none has another key."""

import contextlib
from collections.abc import Iterator

import pytest

from support.daemon import FEED, PROBES, Daemon, assert_whole, daemon
from support.endpoint import Endpoint, endpoint
from support.llm import free_port
from support.notices import Receiver, receiver

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    with endpoint() as one:
        yield one


def configuration(served: Endpoint, **urls: str) -> str:
    """Return a configuration with one target that fails, and a webhook at each of these addresses."""
    hooks = ", ".join(
        f'{{name: {name}, kind: webhook, url: "{url}", secret: a-loopback-secret}}'
        for name, url in urls.items()
    )
    return f"""{FEED}{PROBES}
alerts: {{page: {{warm_up: 1h}}, receivers: [{hooks}]}}
targets:
  - {{name: well, provider: vllm, cloud: a, model: nano, endpoint: "{served.base("ok")}"}}
  - {{name: failing, provider: vllm, cloud: b, model: nano, endpoint: "{served.base("503")}"}}
"""


def notified(running: Daemon, name: str, state: str) -> float:
    return running.metric("nephoscope_agent_notifications_total", receiver=name, state=state)


def test_one_that_hangs_is_told_the_same_after_a_kill_and_no_probe_waits(served: Endpoint) -> None:
    """The lease of the killed one lapses; whoever comes next tells it again, under the same key."""
    with receiver() as hook, daemon(configuration(served, hook=hook.url)) as running:
        hook.hangs = True
        running.until_ready()
        running.until(hook.came.is_set, "the first word to the receiver")
        running.kill_child("teller")
        hook.hangs = False
        hook.answer(204, "")
        running.until(lambda: notified(running, "hook", "sent") == 1, "the notice is taken", 150)
        assert len({one.headers["idempotency-key"] for one in hook.asked}) == 1
        assert len({one.json["key"] for one in hook.asked}) == 1
        assert running.stop() == 0, running.said()
        assert_whole(running, 2, 2)


def test_bad_ones_of_every_sort_delay_neither_a_good_one_nor_a_probe(served: Endpoint) -> None:
    with contextlib.ExitStack() as stack:
        bad = {name: stack.enter_context(receiver()) for name in ("hanging", "refusing", "broken", "html")}
        good = stack.enter_context(receiver())
        bad["hanging"].hangs = True
        bad["refusing"].answer(400, '{"error": "no"}')
        bad["broken"].answer(503)
        bad["html"].answer(200, "<html>log in</html>")
        good.answer(204, "")
        urls = {name: one.url for name, one in bad.items()}
        config = configuration(served, good=good.url, gone=f"http://127.0.0.1:{free_port()}", **urls)
        running = stack.enter_context(daemon(config))
        running.until_ready()
        running.until(good.came.is_set, "the good one hears", 60)
        running.until(lambda: notified(running, "refusing", "refused") == 1, "a refusal for good")
        for name in ("broken", "html", "gone", "hanging"):
            running.until(
                lambda name=name: notified(running, name, "failed") >= 2,  # type: ignore[misc] # bound now
                f"{name} is tried again",
                90,
            )
        for one in bad.values():
            assert len({asked.headers["idempotency-key"] for asked in one.asked}) == 1
        assert _count(bad["refusing"]) == _count(good) == 1
        assert running.stop() == 0, running.said()
        assert_whole(running, 2, 2)


def _count(one: Receiver) -> int:
    return len(one.asked)
