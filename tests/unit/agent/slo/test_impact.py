"""What the failing of members means for a service: it is under only where too few units are left."""

from hypothesis import given
from hypothesis import strategies as st

from agent.slo.impact import Impact, healthy, impact
from agent.slo.service import Member, Of, Service
from agent.slo.standing import Standing

NOW_NS = 1_000_000_000_000
STANDINGS = {
    "g": Standing(state="good", since_ns=1, judged_ns=NOW_NS - 1),
    "b": Standing(state="bad", since_ns=NOW_NS - 9, judged_ns=NOW_NS - 1),
    "u": Standing(),
    # Silent for long: whatever it said last is not believed.
    "s": Standing(state="bad", since_ns=1, judged_ns=1),
}


def service(clouds: str, at_least: int = 1, of: Of = "cloud") -> Service:
    members = tuple(
        Member(target=f"t{nth}", probe="chat", cloud=cloud, region=None, every_s=30.0)
        for nth, cloud in enumerate(clouds)
    )
    return Service(name="nano", members=members, ratio=0.999, window_s=86400.0, at_least=at_least, of=of)


def of(asked: Service, states: str) -> Impact:
    standings = {member.pair: STANDINGS[state] for member, state in zip(asked.members, states, strict=True)}
    return impact(asked, standings, NOW_NS)


def test_one_cloud_that_is_well_is_enough_for_a_service_that_needs_one() -> None:
    assert not of(service("ab"), "bg").under
    assert of(service("ab"), "bb").under


def test_a_cloud_is_well_where_any_of_its_targets_is() -> None:
    assert not of(service("aabb", at_least=2), "bgbg").under
    found = of(service("aabb", at_least=2), "bbbg")
    assert (found.under, found.units_well, found.agreed) == (True, 1, True)


def test_three_of_four_clouds() -> None:
    assert not of(service("abcd", at_least=3), "bggg").under
    assert of(service("abcd", at_least=3), "bbgg").under


def test_what_nothing_is_known_of_speaks_neither_for_nor_against() -> None:
    """Where it decides, that is a doubt; where too few would be left even if it were well, or nobody is, there is none."""
    for one in ("u", "s"):
        for states, at_least, under, doubt in (
            ("b" + one, 1, True, False),
            ("bb" + one, 1, True, False),
            ("gb" + one, 2, False, True),
            ("bb" + one, 2, True, False),
            ("gb" + one, 1, False, False),
            ("gg" + one, 3, False, False),
        ):
            found = of(service("abc"[: len(states)], at_least=at_least), states)
            assert (found.under, found.doubt) == (under, doubt), (states, at_least)
            assert (found.since_ns is None) == (not under and not doubt)


def test_a_cloud_with_a_target_that_is_well_is_not_lost_by_another_that_fails() -> None:
    """Nothing is known of the other cloud, and nothing fails beside it: that is for others to tell."""
    found = of(service("aab", at_least=2), "gbu")
    assert (found.under, found.doubt, found.since_ns) == (False, False, None)


def test_what_is_only_silent_is_under_nothing() -> None:
    for states in ("uu", "us"):
        found = of(service("ab"), states)
        assert (found.under, found.doubt) == (False, False)


def test_it_is_under_since_the_member_failed_that_left_too_few() -> None:
    asked = service("abc", at_least=2)
    standings = {
        member.pair: Standing(state="bad", since_ns=since, judged_ns=NOW_NS)
        for member, since in zip(asked.members, (10, 30, 20), strict=True)
    }
    # Of three one may fail: the second to fail, at 20, took it under.
    assert impact(asked, standings, NOW_NS).since_ns == 20


def test_each_service_tells_how_many_of_its_units_are_well() -> None:
    asked = service("aab", at_least=2)
    standings = {member.pair: Standing(state="good", judged_ns=NOW_NS) for member in asked.members[:2]}
    assert healthy([asked], standings, NOW_NS) == {asked.name: (1, 2)}


@given(
    clouds=st.text("abc", min_size=1, max_size=6),
    states=st.data(),
    at_least=st.integers(1, 3),
    of_=st.sampled_from(["target", "cloud", "region"]),
)
def test_a_member_that_recovers_never_takes_a_service_under(
    clouds: str, states: st.DataObject, at_least: int, of_: Of
) -> None:
    told = states.draw(st.text("gbu", min_size=len(clouds), max_size=len(clouds)))
    asked = service(clouds, at_least, of_)
    before = of(asked, told)
    for nth, state in enumerate(told):
        if state == "b":
            after = of(asked, told[:nth] + "g" + told[nth + 1 :])
            assert before.under or not after.under
            assert after.units_well >= before.units_well
