"""One alert for one cause: a pool's burn and those of its members, and a service's outage and its burn."""

import pytest

from agent.slo.alerts import Finding, Severity
from agent.slo.inhibiting import fresh, told

MEMBERS = {"nano": frozenset({"a", "b"})}


def burn(target: str, sli: str = "availability", severity: Severity = "ticket") -> Finding:
    return Finding(
        key=f"budget-burn/{target}/chat/{sli}",
        name="BudgetBurn",
        severity=severity,
        subject=target,
        since_ns=1,
        labels={"target": target, "probe": "chat"},
        facts={"sli": sli},
    )


def pool(failing: str, of: str, sli: str = "availability") -> Finding:
    return Finding(
        key=f"budget-burn/{of}/{sli}",
        name="BudgetBurn",
        severity="ticket",
        subject=of,
        since_ns=1,
        labels={"pool": of},
        facts={
            "sli": sli,
            "failing": [*failing],
            "parts": [{"target": one, "probe": "chat"} for one in failing],
            "targets": [*of],
        },
    )


def down(target: str, probe: str = "chat") -> Finding:
    labels = {"target": target, "probe": probe}
    return Finding(
        key=f"target-down/{target}",
        name="TargetDown",
        severity="ticket",
        subject=target,
        since_ns=1,
        labels=labels,
    )


def service(name: str, severity: Severity = "page") -> Finding:
    return Finding(
        key=f"{name}/nano",
        name=name,
        severity=severity,
        subject="nano",
        since_ns=1,
        labels={"service": "nano"},
        facts={"factor": 13.44, "burn": "fast", "exhaustion": "soon"} if name == "ServiceBudgetBurn" else {},
    )


def keys(*findings: Finding, going: frozenset[str] = frozenset()) -> dict[str, list[str]]:
    """Return what is told, each with what it speaks for."""
    return {one.key: one.facts.get("covers", []) for one in told(findings, MEMBERS, going)}


def test_a_pool_speaks_for_the_burns_of_its_members_that_it_names() -> None:
    assert keys(burn("a"), burn("c"), pool("ab", of="abc")) == {
        burn("c").key: [],
        pool("ab", of="abc").key: [burn("a").key],
    }


def test_a_burn_on_another_indicator_is_another_cause() -> None:
    assert len(keys(burn("a", "ttft"), pool("ab", of="abc"))) == 2


def test_a_page_is_never_spoken_for_by_a_pools_ticket() -> None:
    assert len(keys(burn("a", severity="page"), pool("ab", of="ab"))) == 2


def test_the_wider_of_two_pools_speaks() -> None:
    assert keys(pool("a", of="ab"), pool("ab", of="abcd")) == {
        pool("ab", of="abcd").key: [pool("a", of="ab").key]
    }
    assert len(keys(pool("ab", of="ab"), pool("a", of="abcd"))) == 2


def test_a_pool_is_spoken_for_where_all_that_fail_in_it_are() -> None:
    assert keys(down("a"), pool("a", of="ab")) == {down("a").key: [pool("a", of="ab").key]}
    assert len(keys(down("a"), pool("ab", of="ab"))) == 2
    assert keys(down("a"), down("b"), pool("ab", of="ab")) == {
        down("a").key: [pool("ab", of="ab").key],
        down("b").key: [pool("ab", of="ab").key],
    }
    assert len(keys(down("a", "other"), pool("a", of="ab"))) == 2


def test_a_page_of_a_service_speaks_for_pools_of_its_members() -> None:
    page = service("ServiceDown")
    assert keys(page, pool("ab", of="ab")) == {page.key: [pool("ab", of="ab").key]}
    assert len(keys(page, pool("abc", of="abc"))) == 2


def test_our_own_network_speaks_for_a_pool_that_fails_by_it_alone() -> None:
    ours = Finding(
        key="n", name="NetworkDown", severity="page", subject="n", since_ns=1, facts={"failing": ["a", "b"]}
    )
    assert list(keys(ours, pool("ab", of="abc"))) == ["n"]
    assert len(keys(ours, pool("abc", of="abc"))) == 2


def test_the_outage_of_a_service_speaks_for_its_burn_and_says_how_fast_that_is() -> None:
    (page,) = told([service("ServiceDown"), service("ServiceBudgetBurn")], MEMBERS)
    assert page.facts == {"covers": ["ServiceBudgetBurn/nano"], "burn": "fast", "exhaustion": "soon"}


def test_a_burn_that_pages_already_goes_on_when_the_outage_begins() -> None:
    going = frozenset({service("ServiceBudgetBurn").key})
    assert len(keys(service("ServiceDown"), service("ServiceBudgetBurn"), going=going)) == 2


def test_an_outage_that_is_a_ticket_speaks_for_no_page() -> None:
    assert len(keys(service("ServiceDown", "ticket"), service("ServiceBudgetBurn"))) == 2
    assert len(keys(service("ServiceDown", "ticket"), service("ServiceBudgetBurn", "ticket"))) == 1


def test_a_service_that_pages_speaks_for_its_members_until_its_alert_ends() -> None:
    """Its slower windows burn on when the paging ones do not any more, and so do its members'."""
    slower = service("ServiceBudgetBurn", "ticket")
    assert len(keys(slower, burn("a"))) == 2
    assert keys(slower, burn("a"), going=frozenset({slower.key})) == {slower.key: [burn("a").key]}


@pytest.mark.parametrize("one", [burn("a"), pool("ab", of="abc")])
def test_a_burn_that_was_found_of_what_has_recovered_since_is_old(one: Finding) -> None:
    there = {("a", "chat")}
    assert list(fresh([one], there, there)) == [one]
    assert list(fresh([one], (), ())) == [one]
    assert list(fresh([one], (), there)) == [one]
    assert list(fresh([one], there, ())) == []
