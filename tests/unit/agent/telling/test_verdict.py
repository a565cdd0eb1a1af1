"""Whose fault it is, over a thousand drawn incidents in an estate of four clouds."""

import dataclasses
import itertools
import random
from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.telling.scene import Health, Scene, Sight, Witness
from agent.telling.verdict import OURS, Fault, Verdict, verdicts
from probes.result import Outcome

CLOUDS = ("aws", "azure", "gcp", "oci")
REGIONS = ("east", "west")
MODELS = ("nano", "large")
WELL = {
    "internet": Witness(resolves=True, reaches=True),
    "private-azure": Witness(resolves=True, reaches=True),
}
THEIRS = (Outcome.SERVER_ERROR, Outcome.OVERLOADED, Outcome.FIRST_TOKEN_TIMEOUT, Outcome.CONNECT_REFUSED)
LOST = (Outcome.CONNECT_TIMEOUT, Outcome.CONNECT_REFUSED, Outcome.DISCONNECTED, Outcome.FIRST_TOKEN_TIMEOUT)


def estate() -> list[Sight]:
    return [
        Sight(
            target=f"{cloud}-{region}-{model}",
            cloud=cloud,
            region=region,
            model=model,
            network="private-azure" if cloud == "azure" else "internet",
            identity=f"{cloud}-{region}",
            health="good",
        )
        for cloud, region, model in itertools.product(CLOUDS, REGIONS, MODELS)
    ]


def failing(
    sights: Iterable[Sight],
    which: Callable[[Sight], bool],
    outcomes: tuple[Outcome, ...],
    chance: random.Random,
) -> list[Sight]:
    def turned(sight: Sight) -> Sight:
        if not which(sight):
            return sight
        outcome = chance.choice(outcomes)
        health: Health = "unknown" if outcome in {Outcome.CONFIG, Outcome.QUOTA} else "bad"
        return dataclasses.replace(sight, health=health, outcome=outcome)

    return [turned(sight) for sight in sights]


@dataclasses.dataclass(frozen=True)
class Drawn:
    scene: Scene
    expected: set[tuple[Fault, str]]


def one_target(chance: random.Random) -> Drawn:
    sights = estate()
    name = chance.choice(sights).target
    told = failing(sights, lambda one: one.target == name, THEIRS, chance)
    return Drawn(Scene(sights=told, witnesses=WELL), {(Fault.TARGET, name)})


def one_region(chance: random.Random) -> Drawn:
    cloud, region = chance.choice(CLOUDS), chance.choice(REGIONS)
    told = failing(estate(), lambda one: (one.cloud, one.region) == (cloud, region), THEIRS, chance)
    return Drawn(Scene(sights=told, witnesses=WELL), {(Fault.REGION, f"{cloud} {region}")})


def one_model(chance: random.Random) -> Drawn:
    model = chance.choice(MODELS)
    told = failing(estate(), lambda one: one.model == model, THEIRS, chance)
    return Drawn(Scene(sights=told, witnesses=WELL), {(Fault.MODEL, model)})


def model_of_a_cloud(chance: random.Random) -> Drawn:
    cloud, model = chance.choice(CLOUDS), chance.choice(MODELS)
    told = failing(estate(), lambda one: (one.cloud, one.model) == (cloud, model), THEIRS, chance)
    return Drawn(Scene(sights=told, witnesses=WELL), {(Fault.MODEL, f"{model} on {cloud}")})


def clouds(chance: random.Random, count: int) -> Drawn:
    down = set(chance.sample(CLOUDS, count))
    told = failing(estate(), lambda one: one.cloud in down, THEIRS, chance)
    return Drawn(Scene(sights=told, witnesses=WELL), {(Fault.CLOUD, cloud) for cloud in down})


def egress(chance: random.Random) -> Drawn:
    told = failing(estate(), lambda one: one.network == "internet", LOST, chance)
    witnesses = WELL | {"internet": Witness(resolves=True, reaches=False)}
    return Drawn(Scene(sights=told, witnesses=witnesses), {(Fault.NETWORK, "internet")})


def resolver(chance: random.Random) -> Drawn:
    told = failing(estate(), lambda one: one.network == "internet", (Outcome.DNS,), chance)
    witnesses = WELL | {"internet": Witness(resolves=False, reaches=False)}
    return Drawn(Scene(sights=told, witnesses=witnesses), {(Fault.NETWORK, "resolver of internet")})


def private_link(chance: random.Random) -> Drawn:
    told = failing(estate(), lambda one: one.network == "private-azure", LOST, chance)
    witnesses = WELL | {"private-azure": Witness(resolves=True, reaches=False)}
    return Drawn(Scene(sights=told, witnesses=witnesses), {(Fault.NETWORK, "private-azure")})


def expired_key(chance: random.Random) -> Drawn:
    identity = f"{chance.choice(CLOUDS)}-{chance.choice(REGIONS)}"
    told = failing(estate(), lambda one: one.identity == identity, (Outcome.CONFIG,), chance)
    return Drawn(Scene(sights=told, witnesses=WELL), {(Fault.CREDENTIALS, identity)})


def identity_service(chance: random.Random) -> Drawn:
    cloud = chance.choice(CLOUDS)
    told = failing(estate(), lambda one: one.cloud == cloud, (Outcome.IDENTITY_SERVICE,), chance)
    return Drawn(Scene(sights=told, witnesses=WELL), {(Fault.CLOUD, cloud)})


def spent_quota(chance: random.Random) -> Drawn:
    identity = f"{chance.choice(CLOUDS)}-{chance.choice(REGIONS)}"
    told = failing(estate(), lambda one: one.identity == identity, (Outcome.QUOTA,), chance)
    return Drawn(Scene(sights=told, witnesses=WELL), {(Fault.QUOTA, identity)})


def slow_agent(chance: random.Random) -> Drawn:
    some = set(chance.sample([one.target for one in estate()], 5))
    told = failing(estate(), lambda one: one.target in some, (Outcome.FIRST_TOKEN_TIMEOUT,), chance)
    scene = Scene(sights=told, witnesses=WELL, spoilt=chance.uniform(0.25, 0.9))
    return Drawn(scene, {(Fault.AGENT, "this agent")})


def flapping(chance: random.Random) -> Drawn:
    """Two targets of different clouds, regions and models that happen to be down in the same moment."""
    first, second = chance.sample(CLOUDS, 2)
    region = chance.choice(REGIONS)
    down = {f"{first}-{region}-nano", f"{second}-{next(one for one in REGIONS if one != region)}-large"}
    told = failing(estate(), lambda one: one.target in down, THEIRS, chance)
    return Drawn(Scene(sights=told, witnesses=WELL), {(Fault.TARGET, name) for name in down})


VANTAGES = ("fra-1", "lon-1", "nyc-1")


def seen_from(
    sights: Iterable[Sight], chance: random.Random, agrees: Callable[[Sight], bool], *, deaf: float = 0.2
) -> list[Sight]:
    """Return sights with what other vantages see: one in five of them cannot tell."""
    vantages = chance.sample(VANTAGES, chance.randint(1, 3))

    def told(sight: Sight) -> dict[str, Health]:
        bad = sight.health == "bad" and agrees(sight)
        return {
            one: "unknown" if index and chance.random() < deaf else "bad" if bad else "good"
            for index, one in enumerate(vantages)
        }

    return [dataclasses.replace(sight, elsewhere=told(sight)) for sight in sights]


def cloud_seen_from_everywhere_without_a_witness(chance: random.Random) -> Drawn:
    """All that is asked goes by one network, which has no witness, and two clouds are unreachable for all."""
    down = set(chance.sample(CLOUDS, 2))
    some = [one for one in estate() if one.cloud in down]
    flat = [dataclasses.replace(one, network="internet") for one in some]
    told = seen_from(failing(flat, lambda _: True, LOST, chance), chance, lambda _: True)
    return Drawn(Scene(sights=told), {(Fault.CLOUD, cloud) for cloud in down})


def egress_without_a_witness(chance: random.Random) -> Drawn:
    """The same from here, and every other vantage reaches them."""
    flat = [dataclasses.replace(one, network="internet") for one in estate()]
    told = seen_from(failing(flat, lambda _: True, LOST, chance), chance, lambda _: False)
    return Drawn(Scene(sights=told), {(Fault.NETWORK, "internet")})


def one_target_well_elsewhere(chance: random.Random) -> Drawn:
    drawn = one_target(chance)
    told = seen_from(drawn.scene.sights, chance, lambda _: False)
    return dataclasses.replace(drawn, scene=dataclasses.replace(drawn.scene, sights=told))


def one_cloud_down_elsewhere_too(chance: random.Random) -> Drawn:
    drawn = clouds(chance, 1)
    told = seen_from(drawn.scene.sights, chance, lambda _: True)
    return dataclasses.replace(drawn, scene=dataclasses.replace(drawn.scene, sights=told))


KINDS: tuple[Callable[[random.Random], Drawn], ...] = (
    one_target, one_region, one_model, model_of_a_cloud,
    lambda chance: clouds(chance, 1), lambda chance: clouds(chance, 2),
    egress, resolver, private_link, expired_key, identity_service, spent_quota, slow_agent, flapping,
    cloud_seen_from_everywhere_without_a_witness, egress_without_a_witness,
    one_target_well_elsewhere, one_cloud_down_elsewhere_too,
)  # fmt: skip


def blurred(scene: Scene, chance: random.Random) -> Scene:
    """Return the scene as an agent sees it that has not heard of every target lately."""
    unheard = set(chance.sample([one.target for one in scene.sights], chance.choice((0, 0, 1))))
    told = [
        dataclasses.replace(one, health="unknown", outcome=None) if one.target in unheard else one
        for one in scene.sights
    ]
    return dataclasses.replace(scene, sights=told)


def named(found: Iterable[Verdict]) -> set[tuple[Fault, str]]:
    return {(verdict.fault, verdict.subject) for verdict in found}


def test_the_fault_is_right_in_at_least_99_of_100_of_a_thousand_scenarios() -> None:
    wrong = []
    for nth in range(1000):
        chance = random.Random(f"verdicts/{nth}")
        drawn = KINDS[nth % len(KINDS)](chance)
        if named(verdicts(drawn.scene)) != drawn.expected:
            wrong.append((nth, drawn.expected, named(verdicts(drawn.scene))))
    assert len(wrong) <= 10, wrong


def test_our_own_faults_blame_no_cloud_even_where_not_every_target_was_heard() -> None:
    for nth in range(300):
        chance = random.Random(f"ours/{nth}")
        drawn = (egress, resolver, private_link, slow_agent)[nth % 4](chance)
        found = verdicts(blurred(drawn.scene, chance))
        assert all(verdict.fault in OURS for verdict in found), (nth, found)


def test_every_failing_target_is_in_exactly_one_verdict_and_none_that_is_well_in_any() -> None:
    for nth in range(300):
        chance = random.Random(f"each/{nth}")
        scene = blurred(KINDS[nth % len(KINDS)](chance).scene, chance)
        named_ = [name for verdict in verdicts(scene) for name in verdict.targets]
        assert len(named_) == len(set(named_))
        assert {one.target for one in scene.sights if one.health == "bad"} <= set(named_)
        assert not {one.target for one in scene.sights if one.health == "good"} & set(named_)


def test_without_a_witness_nobody_can_tell_unless_another_vantage_does() -> None:
    chance = random.Random(1)
    cut = egress(chance).scene
    blind = dataclasses.replace(cut, witnesses={})
    assert named(verdicts(blind)) == {(Fault.UNDETERMINED, "internet")}
    seen: dict[Health, Fault] = {"good": Fault.NETWORK, "bad": Fault.CLOUD}
    for elsewhere, fault in seen.items():
        told = [
            dataclasses.replace(one, elsewhere={"lon-1": elsewhere}) if one.health == "bad" else one
            for one in blind.sights
        ]
        assert {verdict.fault for verdict in verdicts(dataclasses.replace(blind, sights=told))} == {fault}


def test_what_fails_elsewhere_too_is_not_our_network_whatever_its_witnesses_say() -> None:
    chance = random.Random(6)
    drawn = egress(chance).scene
    for cut, expected in ((False, {Fault.CLOUD}), (True, {Fault.NETWORK})):
        told = [
            dataclasses.replace(one, elsewhere={"lon-1": "bad"}, cut=cut) if one.health == "bad" else one
            for one in drawn.sights
        ]
        found = verdicts(dataclasses.replace(drawn, sights=told))
        assert {verdict.fault for verdict in found} == expected


def test_a_slow_agent_explains_deadlines_that_passed_and_no_answer_of_a_server() -> None:
    chance = random.Random(5)
    missed = failing(estate(), lambda one: one.cloud == "oci", (Outcome.FIRST_TOKEN_TIMEOUT,), chance)
    both = failing(
        missed, lambda one: one.cloud == "gcp", (Outcome.SERVER_ERROR, Outcome.CONNECT_REFUSED), chance
    )
    found = verdicts(Scene(sights=both, witnesses=WELL, spoilt=0.3))
    assert named(found) == {(Fault.AGENT, "this agent"), (Fault.CLOUD, "gcp")}
    assert {name.split("-")[0] for name in found[0].targets} == {"oci"}


@pytest.mark.parametrize("witness", [Witness(resolves=True, reaches=True), Witness()])
def test_one_answer_from_a_server_proves_the_way(witness: Witness) -> None:
    sights = failing(estate(), lambda one: one.target != "aws-east-nano", LOST, random.Random(2))
    found = verdicts(Scene(sights=sights, witnesses={"internet": witness, "private-azure": witness}))
    assert not any(verdict.subject == "internet" for verdict in found)


def test_evidence_says_what_is_well_beside_it() -> None:
    found = verdicts(one_region(random.Random(3)).scene)
    assert found[0].evidence[0].startswith("all 2 targets of")
    assert "other targets of" in found[0].evidence[1]
    assert found[0].evidence[2].endswith("are well")


def test_evidence_names_the_vantages_that_see_it_and_those_that_do_not() -> None:
    for draw, said in (
        (one_cloud_down_elsewhere_too, "failing from "),
        (one_target_well_elsewhere, "well from "),
    ):
        (verdict,) = verdicts(draw(random.Random(4)).scene)
        assert [one for one in verdict.evidence if one.startswith(said)], verdict.evidence


class Passed(list[Sight]):
    """Sights that count how often they are gone through."""

    passes = 0

    def __iter__(self) -> Iterator[Sight]:
        self.passes += 1
        return super().__iter__()


def islands(count: int) -> Passed:
    """Return targets of which each has a cloud, a region and a way of its own, and every other one fails."""
    return Passed(
        Sight(
            target=f"t{nth}",
            cloud=f"c{nth}",
            region=f"r{nth}",
            model="nano",
            network=f"n{nth}",
            health="bad" if nth % 2 else "good",
            outcome=Outcome.SERVER_ERROR if nth % 2 else None,
        )
        for nth in range(count)
    )


def test_a_verdict_on_many_targets_goes_through_them_no_more_often_than_on_few() -> None:
    few, many = islands(4), islands(400)
    found = [verdicts(Scene(sights=sights)) for sights in (few, many)]
    assert [len(each) for each in found] == [2, 200]
    assert few.passes == many.passes


def by_the_definition(sights: list[Sight]) -> list[tuple[Fault, tuple[str, ...]]]:
    """Return what failing targets have in common that no target which is well has: each question asked of all."""
    left = [one for one in sights if one.health == "bad"]
    found = []
    for model in dict.fromkeys(one.model for one in left):
        same = [one for one in sights if one.model == model and one.health != "unknown"]
        clouds = {one.cloud for one in same}
        well = {one.cloud for one in sights if one.health == "good"}
        if all(one.health == "bad" for one in same) and len(clouds) > 1 and clouds <= well:
            found.append((Fault.MODEL, tuple(one.target for one in same)))
            left = [one for one in left if one.model != model]
            break
    parts: list[tuple[Fault, Callable[[Sight], object]]] = [
        (Fault.CLOUD, lambda one: one.cloud),
        (Fault.REGION, lambda one: (one.cloud, one.region)),
        (Fault.MODEL, lambda one: (one.cloud, one.model)),
    ]
    for fault, of in parts:
        for key in dict.fromkeys(map(of, left)):
            theirs = [one for one in left if of(one) == key]
            same = [one for one in sights if of(one) == key and one.health != "unknown"]
            places = {(one.region, one.model) for one in theirs}
            narrower = fault is Fault.CLOUD and len(places) == 1 and theirs[0].region is not None
            if len(theirs) > 1 and same == theirs and not narrower:
                found.append((fault, tuple(one.target for one in theirs)))
                left = [one for one in left if one not in theirs]
    return found + [(Fault.TARGET, (one.target,)) for one in left]


@given(
    drawn=st.lists(
        st.tuples(
            st.sampled_from(["aws", "azure", "gcp"]),
            st.sampled_from(["nano", "large"]),
            st.sampled_from([None, "east", "west"]),
            st.sampled_from(["good", "bad", "bad", "unknown"]),
        ),
        max_size=12,
    )
)
def test_what_failing_targets_have_in_common_is_found_as_it_is_defined(
    drawn: list[tuple[str, str, str | None, Health]],
) -> None:
    sights = [
        Sight(
            target=f"t{nth}",
            cloud=cloud,
            model=model,
            region=region,
            network="internet",
            health=health,
            outcome=Outcome.SERVER_ERROR if health == "bad" else None,
        )
        for nth, (cloud, model, region, health) in enumerate(drawn)
    ]
    found = [(verdict.fault, verdict.targets) for verdict in verdicts(Scene(sights=sights))]
    assert found == by_the_definition(sights)
