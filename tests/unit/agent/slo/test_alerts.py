"""An alert begins once, rises once and ends once, whatever flaps in between."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from agent.slo.alerts import HOLD_NS, Alert, Finding, Severity, step


def finding(key: str = "k", severity: Severity = "ticket", since_ns: int = 5) -> Finding:
    return Finding(key=key, name="Down", severity=severity, subject="t", since_ns=since_ns)


def test_flapping_within_the_hold_is_one_alert() -> None:
    alive = step({}, [finding()], 10).alive
    for nth in range(20):
        now_ns = 10 + (nth + 1) * (HOLD_NS - 1)
        done = step(alive, [finding()] if nth % 2 else [], now_ns)
        assert done.began == done.ended == ()
        alive = done.alive


def test_what_comes_after_its_end_is_another_alert() -> None:
    alive = step({}, [finding()], 10).alive
    alive = step(alive, [], 20).alive
    done = step(alive, [], 20 + HOLD_NS)
    assert [(alert.quiet_ns, alert.ended_ns) for alert in done.ended] == [(20, 20 + HOLD_NS)]
    again = step(done.alive, [finding()], 30 + HOLD_NS).began[0]
    assert again.id != done.ended[0].id


def test_a_ticket_rises_to_a_page_once_and_never_falls_back() -> None:
    alive = step({}, [finding()], 10).alive
    risen = step(alive, [finding(severity="page", since_ns=3)], 20)
    assert [(alert.finding.severity, alert.finding.since_ns, alert.fired_ns) for alert in risen.rose] == [
        ("page", 3, 10)
    ]
    after = step(risen.alive, [finding()], 30)
    assert (after.rose, after.alive["k"].finding.severity) == ((), "page")


@given(st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.integers(1, HOLD_NS)), max_size=30))
def test_every_alert_begins_before_it_ends_and_no_key_is_alive_twice(
    history: list[tuple[set[str], int]],
) -> None:
    alive: dict[str, Alert] = {}
    open_: set[str] = set()
    now_ns = 0
    for keys, passes_ns in history:
        now_ns += passes_ns
        done = step(alive, [finding(key) for key in sorted(keys)], now_ns)
        for alert in done.began:
            assert alert.id not in open_
            open_.add(alert.id)
        for alert in done.ended:
            open_.remove(alert.id)
            assert alert.ended_ns == now_ns
            assert alert.finding.key not in keys
        alive = dict(done.alive)
        assert open_ == {alert.id for alert in alive.values()}
        assert keys <= alive.keys()


def test_a_finding_is_taken_as_it_is_now() -> None:
    alive = step({}, [dataclasses.replace(finding(), facts={"failing": 1})], 10).alive
    alive = step(alive, [dataclasses.replace(finding(), facts={"failing": 2})], 20).alive
    assert alive["k"].finding.facts == {"failing": 2}
