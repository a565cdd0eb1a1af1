"""The process of the simulated clouds, with their control endpoint.

Run as `python -m agent.demo.simulator --clouds PORT --witness PORT --control PORT`; it ends when its standard input does.
"""

import argparse
import asyncio
import sys

from starlette.applications import Starlette

from agent.demo.clouds import Clouds
from agent.demo.control import Control
from agent.demo.doors import Doors, set_all
from agent.demo.scenario import BEGINS_AFTER_S, SCENARIOS
from agent.demo.switchboard import Switchboard
from agent.web.listening import listen
from agent.web.serve import WebServer


async def simulate(arguments: argparse.Namespace) -> None:
    """Serve until standard input ends: the parent is gone or wants us gone."""
    board = Switchboard(arguments.scenario)
    clouds = Clouds(board, arguments.seed)
    doors = Doors(clouds.app(), arguments.clouds)

    # Beside the clouds on their side of the network: it has no fault of its own, and is gone with the way to them.
    neighbour = Doors(Starlette(), arguments.witness)

    async def settle() -> None:
        await set_all((doors, neighbour), wanted=board.network)

    async def begin() -> None:
        await clouds.asked.wait()  # a slow machine sees what good looks like, too
        await asyncio.sleep(arguments.begins)
        board.begin()
        await settle()

    await settle()
    control = WebServer(Control(board, settle).app(), listen("127.0.0.1", arguments.control))
    tasks = [asyncio.create_task(control.serve()), asyncio.create_task(begin())]
    await asyncio.to_thread(sys.stdin.read)
    control.stop()
    await set_all((doors, neighbour), wanted=False)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clouds", type=int, required=True, help="where the clouds listen")
    parser.add_argument("--witness", type=int, required=True, help="where a witness of their network listens")
    parser.add_argument("--control", type=int, required=True, help="where their faults are switched")
    parser.add_argument("--scenario", choices=SCENARIOS, default="calm")
    parser.add_argument(
        "--begins", type=float, default=BEGINS_AFTER_S, help="seconds from the first request until it begins"
    )
    parser.add_argument("--seed", type=int)
    asyncio.run(simulate(parser.parse_args()))


if __name__ == "__main__":
    main()
