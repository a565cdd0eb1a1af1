"""`nephoscope slo`: budgets now."""

import argparse
from typing import TextIO

from agent.slo_status import status


def slo(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Do what is asked for about objectives."""
    return status(args, out, err)
