"""`nephoscope slo`: budgets now, objectives from and to OpenSLO, and what others would have meant."""

import argparse
from collections.abc import Callable, Mapping
from typing import Final, TextIO

from agent.slo_exchange import export, import_
from agent.slo_simulate import simulate
from agent.slo_status import status

Command = Callable[[argparse.Namespace, TextIO, TextIO], int]

WHATS: Final[Mapping[str, Command]] = {
    "status": status,
    "export": export,
    "import": import_,
    "simulate": simulate,
}


def slo(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Do what is asked for about objectives."""
    return WHATS[args.what](args, out, err)
