"""Outages of every kind, drawn by chance, with whose fault each is."""

import dataclasses
import random
from collections.abc import Callable

from probes.result import Outcome
from support.outages import CLOUDS, EVERY_S, MODELS, REGIONS, TARGETS, Outage, key_of, network_of

THEIRS = (
    Outcome.SERVER_ERROR,
    Outcome.OVERLOADED,
    Outcome.FIRST_TOKEN_TIMEOUT,
    Outcome.CONNECT_REFUSED,
    Outcome.CONNECT_TIMEOUT,
)
LOST = (Outcome.CONNECT_TIMEOUT, Outcome.CONNECT_REFUSED, Outcome.DISCONNECTED)
BLIP = 0.002
"""How many slots fail of themselves and are well at their confirmation."""

Drawn = Callable[[random.Random], Outage]


def struck(
    chance: random.Random,
    truth: dict[str, str],
    outcomes: tuple[Outcome, ...] = THEIRS,
    lasts_s: tuple[float, float] = (150.0, 300.0),
    **fields: object,
) -> Outage:
    """Return an outage in which each target that it strikes fails in a way of its own."""
    began_s = 600.0 + chance.uniform(0, EVERY_S)
    ended_s = began_s + chance.uniform(*lasts_s)
    way = {name: chance.choice(outcomes) for name in truth}

    def says(name: str, at_s: float, chance: random.Random) -> Outcome:
        if name in way and began_s <= at_s < ended_s:
            return way[name]
        return Outcome.OVERLOADED if chance.random() < BLIP else Outcome.OK

    return Outage(began_s=began_s, ended_s=ended_s, says=says, truth=truth, **fields)  # type: ignore[arg-type]


def named(fault: str, *parts: str) -> dict[str, str]:
    """Return that a fault strikes all targets whose names have these parts."""
    return {name: fault for name in TARGETS if set(parts) <= set(name.split("-"))}


def one_target(chance: random.Random) -> Outage:
    name = chance.choice(TARGETS)
    return struck(chance, {name: f"target {name}"})


def one_region(chance: random.Random) -> Outage:
    cloud, region = chance.choice(CLOUDS), chance.choice(REGIONS)
    return struck(chance, named(f"region {cloud} {region}", cloud, region))


def one_cloud(chance: random.Random) -> Outage:
    cloud = chance.choice(CLOUDS)
    return struck(chance, named(f"cloud {cloud}", cloud))


def two_clouds(chance: random.Random) -> Outage:
    first, second = chance.sample(CLOUDS, 2)
    return struck(chance, named(f"cloud {first}", first) | named(f"cloud {second}", second))


def model_of_a_cloud(chance: random.Random) -> Outage:
    cloud, model = chance.choice(CLOUDS), chance.choice(MODELS)
    return struck(chance, named(f"model {model} on {cloud}", cloud, model))


def one_model(chance: random.Random) -> Outage:
    model = chance.choice(MODELS)
    return struck(chance, named(f"model {model}", model))


def cut_off(
    chance: random.Random, network: str, down: tuple[str, ...], outcomes: tuple[Outcome, ...], own: str
) -> Outage:
    truth = {name: own for name in TARGETS if network_of(name) == network}
    elsewhere = chance.choice((None, "good"))
    return struck(chance, truth, outcomes, own=own, down={network: down}, elsewhere=elsewhere)


def egress(chance: random.Random) -> Outage:
    return cut_off(chance, "internet", ("tls", "dns"), LOST, "network internet")


def resolver(chance: random.Random) -> Outage:
    return cut_off(chance, "internet", ("dns", "tls"), (Outcome.DNS,), "network resolver of internet")


def private_link(chance: random.Random) -> Outage:
    return cut_off(chance, "private-azure", ("tls", "dns"), LOST, "network private-azure")


def expired_key(chance: random.Random) -> Outage:
    cloud, region = chance.choice(CLOUDS), chance.choice(REGIONS)
    own = f"credentials credentials.api_key ({key_of(f'{cloud}-{region}')})"
    return struck(chance, named(own, cloud, region), (Outcome.CONFIG,), own=own)


def identity_service(chance: random.Random) -> Outage:
    cloud = chance.choice(CLOUDS)
    return struck(chance, named(f"cloud {cloud}", cloud), (Outcome.CONFIG,))


def spent_quota(chance: random.Random) -> Outage:
    cloud, region = chance.choice(CLOUDS), chance.choice(REGIONS)
    own = f"quota credentials.api_key ({key_of(f'{cloud}-{region}')})"
    return struck(chance, named(own, cloud, region), (Outcome.QUOTA,), own=own)


def slow_agent(chance: random.Random) -> Outage:
    """Our own delay spoils many answers, and makes some miss their deadline without our seeing why."""
    drawn = struck(chance, {}, lasts_s=(360.0, 480.0), own="agent here")
    spoilt, missed = chance.uniform(0.3, 0.9), chance.uniform(0.0, 0.1)

    def says(_name: str, at_s: float, chance: random.Random) -> Outcome:
        if not drawn.goes_on(at_s):
            return Outcome.OK
        drawn_one = chance.random()
        if drawn_one < spoilt:
            return Outcome.AGENT_FAULT
        return Outcome.FIRST_TOKEN_TIMEOUT if drawn_one < spoilt + missed else Outcome.OK

    return dataclasses.replace(drawn, says=says, before_s=300.0)


def flapping(chance: random.Random) -> Outage:
    """Two targets of different clouds go down and come back, each in a rhythm of its own."""
    first, second = (
        f"{cloud}-{chance.choice(REGIONS)}-{chance.choice(MODELS)}" for cloud in chance.sample(CLOUDS, 2)
    )
    truth = {name: f"target {name}" for name in (first, second)}
    drawn = struck(chance, truth, lasts_s=(420.0, 600.0))
    rhythm = {
        name: (chance.uniform(40, 120), chance.uniform(40, 120), chance.uniform(0, 100)) for name in truth
    }

    def says(name: str, at_s: float, chance: random.Random) -> Outcome:
        if name in rhythm:
            down_s, up_s, shift_s = rhythm[name]
            if (at_s + shift_s) % (down_s + up_s) >= down_s:
                return Outcome.OK
        return drawn.says(name, at_s, chance)

    return dataclasses.replace(drawn, says=says)


def cloud_without_a_witness(chance: random.Random) -> Outage:
    """A cloud is not reached from anywhere, by a network that has no witness."""
    cloud = chance.choice(("aws", "gcp", "oci"))
    blind = frozenset({"internet"})
    return struck(chance, named(f"cloud {cloud}", cloud), LOST, elsewhere="bad", blind=blind)


def egress_without_a_witness(chance: random.Random) -> Outage:
    own = "network internet"
    truth = {name: own for name in TARGETS if network_of(name) == "internet"}
    return struck(chance, truth, LOST, own=own, elsewhere="good", blind=frozenset({"internet"}))


KINDS: tuple[Drawn, ...] = (
    one_target, one_region, one_cloud, two_clouds, model_of_a_cloud, one_model, egress, resolver, private_link,
    expired_key, identity_service, spent_quota, slow_agent, flapping, cloud_without_a_witness, egress_without_a_witness,
)  # fmt: skip
