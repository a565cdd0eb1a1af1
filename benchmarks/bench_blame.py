"""How often alerts are told with the right fault, and how late services page, over outages of every kind lived through.

An estate of four clouds with two regions and two models each, probed every 30 s, the models at different instants: each
outage goes slot by slot, with confirmations and witnesses, through what the daemon judges with. It is right where every
alert of it says whose fault it is when it is told first and whenever another fault is told of it.
"""

import argparse
import random
import statistics
from collections import Counter

import structlog

from support.drawn import KINDS
from support.outages import Lived

structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outages", type=int, default=1000)
    count = parser.parse_args().outages
    asked: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    late_s: dict[str, list[float]] = {}
    for nth in range(count):
        draw = KINDS[nth % len(KINDS)]
        chance = random.Random(f"{draw.__name__}/{nth}")
        told = list(Lived(draw(chance), chance).tellings())
        asked[draw.__name__] += 1
        wrong[draw.__name__] += not told or not all(one.right for one in told)
        pages = [one.after_s for one in told if one.notice.name == "ServiceDown" and one.notice.seq == 1]
        late_s.setdefault(draw.__name__, []).extend(pages)
    print(f"{'outage':32} {'wrong':>9} {'services page after (median, longest)':>40}")
    for kind, total in asked.items():
        pages = late_s[kind]
        paged = f"{statistics.median(pages):.0f} s, {max(pages):.0f} s" if pages else "-"
        print(f"{kind.replace('_', ' '):32} {wrong[kind]:>3} of {total:>2} {paged:>40}")
    print(f"{'right':32} {1 - wrong.total() / count:>9.1%}")


if __name__ == "__main__":
    main()
