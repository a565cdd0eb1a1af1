"""The control endpoint shows and switches, for people and for programs."""

import pytest
from starlette.testclient import TestClient

from agent.demo.control import Control
from agent.demo.switchboard import Switchboard
from agent.demo.vendors import CLOUDS


class Bench:
    """The endpoint over a board, and whether the network followed it."""

    def __init__(self, *, taken: bool = False) -> None:
        self.board = Switchboard()
        self.followed: list[bool] = []
        self._taken = taken
        self.client = TestClient(Control(self.board, self.settle).app(), base_url="http://127.0.0.1:9465")

    async def settle(self) -> None:
        if self._taken:
            raise OSError(98, "Address already in use")
        self.followed.append(self.board.network)

    def json(self, method: str, path: str) -> dict[str, object]:
        answer = self.client.request(method, path, headers={"accept": "application/json"})
        found: dict[str, object] = answer.json()
        return found


def test_a_fault_is_switched_on_and_off_again() -> None:
    bench = Bench()
    assert bench.client.post("/control/azure-eastus2/hang").text == (
        "azure-eastus2: takes requests and answers nothing\n"
    )
    assert bench.board.fault("azure-eastus2").name == "hang"
    assert bench.client.delete("/control/azure-eastus2").status_code == 200
    assert bench.board.fault("azure-eastus2").name == "calm"


def test_the_network_has_followed_when_the_answer_comes() -> None:
    bench = Bench()
    bench.client.post("/control/scenario/own-network-down")
    bench.client.delete("/control")
    assert bench.followed == [False, True]


def test_programs_are_told_what_holds_and_what_there_is() -> None:
    bench = Bench()
    told = bench.json("POST", "/control/scenario/outage")
    assert told["scenario"] == "outage"
    assert told["network"] == "up"
    assert told["clouds"] == dict.fromkeys(CLOUDS, "calm") | {"openai": "outage"}
    assert bench.json("GET", "/control") == told
    assert set(told) == {"scenario", "coming", "network", "clouds", "faults", "scenarios"}


def test_people_are_told_the_same_and_how_to_go_on() -> None:
    bench = Bench()
    bench.client.post("/control/vllm/throttled")
    page = bench.client.get("/control").text
    assert "  vllm                 throttled\n" in page
    assert "curl -X DELETE http://127.0.0.1:9465/control/azure-eastus2" in page


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("POST", "/control/opnai/hang", "did you mean `openai`?"),
        ("POST", "/control/openai/x", "there is no fault `x`; there are calm, outage,"),
        ("DELETE", "/control/x", "there is no cloud `x`; there are openai,"),
        ("POST", "/control/scenario/x", "there is no scenario `x`; there are calm,"),
        ("PUT", "/control", "there is no PUT /control here; GET /control says what there is"),
        ("GET", "/x", "there is no GET /x here"),
    ],
)
def test_what_does_not_exist_is_answered_with_404_and_a_sentence(method: str, path: str, told: str) -> None:
    bench = Bench()
    answer = bench.client.request(method, path)
    assert (answer.status_code, answer.text.count("\n")) == (404, 1)
    assert told in answer.text
    assert told in str(bench.json(method, path)["error"])
    assert bench.followed == []


def test_a_port_that_was_taken_meanwhile_is_told() -> None:
    answer = Bench(taken=True).client.post("/control/scenario/calm")
    assert answer.status_code == 503
    assert "cannot listen again (Address already in use)" in answer.text


def test_a_page_under_another_name_switches_nothing() -> None:
    """Whatever a browser has open cannot reach it by a name that leads here."""
    bench = Bench()
    answer = bench.client.post("/control/openai/hang", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert bench.board.fault("openai").name == "calm"
