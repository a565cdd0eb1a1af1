"""What holds at which simulated cloud, and what a wrong name is told."""

import pytest

from agent.demo.switchboard import Switchboard, UnknownNameError
from agent.demo.vendors import CLOUDS


def ailing(board: Switchboard) -> dict[str, str]:
    return {name: board.fault(name).name for name in CLOUDS if board.fault(name).name != "calm"}


def test_a_scenario_comes_when_its_time_has() -> None:
    """Until then all is calm."""
    board = Switchboard("outage")
    assert (ailing(board), board.coming and board.coming.name) == ({}, "outage")
    board.begin()
    assert (ailing(board), board.coming) == ({"openai": "outage"}, None)


def test_calm_has_nothing_to_come() -> None:
    board = Switchboard("calm")
    board.begin()
    assert (ailing(board), board.coming) == ({}, None)


def test_what_was_switched_is_not_overtaken_by_what_was_to_come() -> None:
    board = Switchboard("outage")
    board.switch("vllm", "hang")
    board.begin()
    assert ailing(board) == {"vllm": "hang"}


def test_a_cloud_of_a_scenario_can_be_mended_alone() -> None:
    board = Switchboard()
    board.play("brownout")
    board.switch("azure-eastus2", "calm")
    assert ailing(board) == {}


def test_a_scenario_takes_over_from_what_was_switched() -> None:
    board = Switchboard()
    board.switch("vllm", "hang")
    board.play("throttled")
    assert ailing(board) == {"openai": "throttled"}


def test_the_network_goes_and_comes_with_its_scenario() -> None:
    """A single cloud's fault does not bring it back."""
    board = Switchboard()
    board.play("own-network-down")
    board.switch("vllm", "hang")
    assert not board.network
    board.play("calm")
    assert board.network


@pytest.mark.parametrize(
    ("cloud", "fault", "told"),
    [
        (
            "opnai",
            "hang",
            "there is no cloud `opnai`; did you mean `openai`? there are openai, azure-eastus2,",
        ),
        ("openai", "hnag", "there is no fault `hnag`; did you mean `hang`? there are calm, outage,"),
        ("openai", "own-network-down", "ails no single cloud; POST /control/scenario/own-network-down"),
    ],
)
def test_a_wrong_name_is_told_the_known_ones_and_changes_nothing(cloud: str, fault: str, told: str) -> None:
    board = Switchboard("outage")
    with pytest.raises(UnknownNameError) as refused:
        board.switch(cloud, fault)
    assert told in str(refused.value)
    assert board.coming is not None


def test_a_wrong_scenario_is_told_the_known_ones() -> None:
    board = Switchboard()
    with pytest.raises(UnknownNameError, match="no scenario `xyz`; there are calm, outage, brownout"):
        board.play("xyz")
