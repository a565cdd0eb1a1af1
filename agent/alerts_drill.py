"""`nephoscope alerts drill`: one target fails as ordered, end to end, marked, and nothing of it is counted."""

import argparse
import getpass
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TextIO

from agent.clock import SystemClock
from agent.config.model import Config
from agent.config.nearest import nearest
from agent.config.read import read
from agent.drill_file import order
from agent.errors import ConfigError
from agent.slo.evaluate import SETTLING_S
from agent.telling.capacity import rehearsal_s
from exporters import durations, words
from storage.records import Drill

LONGEST_S: Final = 3600.0


def drill(args: argparse.Namespace, out: TextIO) -> int:
    """Leave the order for the daemon of the configuration's state folder; return 0."""
    config = read(Path(args.config), os.environ, no_secrets=True).config
    _check(config, args.target, args.fault, args.seconds)
    now_ns = SystemClock().wall_ns()
    wanted = Drill(
        id=uuid.uuid4().hex,
        target=args.target,
        fault=args.fault,
        severity=args.severity,
        author=words.one_line(args.author or _user()),
        since_ns=now_ns,
        until_ns=now_ns + round(args.seconds * 1e9),
    )
    order(Path(config.state_dir), wanted)
    for line in _told(config, wanted):
        print(line, file=out)
    return 0


def _check(config: Config, target: str, fault: str, seconds: float) -> None:
    """Refuse what would let nothing be seen: a target that nobody is told of, a drill that is over too soon."""
    names = [one.name for one in config.targets]
    if target not in names:
        raise ConfigError(f"there is no target `{target}`{nearest(target, names)}")
    if seconds > LONGEST_S:
        raise ConfigError(f"--for {durations.write(seconds)}: a drill lasts an hour at most")
    what, least_s = _throttled(config, target) if fault == "throttled" else _failing(config, target)
    if seconds < least_s:
        raise ConfigError(
            f"--for {durations.write(seconds)}: until {what} it takes up to {words.duration(least_s)}; give it more"
        )


def _failing(config: Config, target: str) -> tuple[str, float]:
    """Return what has to be seen of a target that fails, and how long that takes."""
    members = {member.pair for member in config.members}
    asked = [one for pair, one in config.workloads().items() if pair[0] == target and pair in members]
    if not asked:
        raise ConfigError(
            f"no availability objective watches the target `{target}`, so nobody is told of its failing; drill another"
        )
    least_s = min(workload.every_s + workload.first_token_s + SETTLING_S for workload in asked)
    return f"a failure of {target} is confirmed", least_s


def _throttled(config: Config, target: str) -> tuple[str, float]:
    """Return the same of one that is throttled, which is told of by whom its quota belongs to, service or not."""
    asked = [one for (name, _), one in config.workloads().items() if name == target]
    if not asked:
        raise ConfigError(f"no probe asks the target `{target}`; drill another")
    least_s = rehearsal_s(config, target)
    if least_s is None:
        raise ConfigError(
            f"the target `{target}` has a fifth of its quota's probes or less, so nothing would be found of its "
            "throttling alone; drill one that is asked more often"
        )
    return f"the throttling of {target} is told from a burst", least_s + max(one.every_s for one in asked)


def _told(config: Config, wanted: Drill) -> Iterator[str]:
    until = f"{words.instant(wanted.until_ns)} UTC"
    yield (
        f"{wanted.target} fails ({wanted.fault}) beside its real probes until {until}; what is found of it is a "
        f"{wanted.severity}, marked DRILL, and nothing of it is counted."
    )
    if config.engine == "agent" and config.receivers:
        yield f"Told as any alert is: {', '.join(one.name for one in config.receivers)}, as the routes say."
    else:
        yield "Nobody is told of it, for the agent has no receivers to tell; `nephoscope alerts list` shows it."


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"
