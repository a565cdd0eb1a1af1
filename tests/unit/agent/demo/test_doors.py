"""The simulated network comes and goes as one that a witness can tell of."""

import asyncio
import socket
from contextlib import ExitStack

import pytest
from starlette.applications import Starlette

from agent.demo.doors import Doors, set_all


@pytest.fixture
def ports() -> tuple[int, int]:
    with ExitStack() as held:
        found = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        first, second = (one.getsockname()[1] for one in found)
    return first, second


class Watched(Doors):
    """Doors that tell whether others were reached as they closed."""

    def __init__(self, port: int, other: int) -> None:
        super().__init__(Starlette(), port)
        self.other = other
        self.reached: list[bool] = []

    async def set_open(self, *, wanted: bool) -> None:
        if not wanted:
            self.reached.append(_reached(self.other))
        await super().set_open(wanted=wanted)


def _reached(port: int) -> bool:
    with socket.socket() as dialled:
        return dialled.connect_ex(("127.0.0.1", port)) == 0


def test_a_witness_is_gone_before_the_clouds_are(ports: tuple[int, int]) -> None:
    """One that still answers while their streams are cut would say that it was not our own network."""
    clouds = Watched(ports[0], ports[1])
    witness = Doors(Starlette(), ports[1])

    async def play() -> None:
        await set_all((clouds, witness), wanted=True)
        assert _reached(ports[0])
        assert _reached(ports[1])
        await set_all((clouds, witness), wanted=False)

    asyncio.run(play())
    assert clouds.reached == [False]
    assert not _reached(ports[0])
