"""The weekly report as JSON, whatever it is of."""

import dataclasses
import json

from agent.telling.report import report_of
from exporters import report_json
from exporters.weeks import Revision
from storage.memory import MemoryStore
from support import weeks
from support.weeks import NOW_NS, WEEK


def test_a_revision_that_still_holds_has_no_end() -> None:
    """Each objective of a running daemon has one."""
    store = MemoryStore()
    weeks.fill(store)
    report = report_of(weeks.configuration(), store, WEEK, NOW_NS, "1.2.3")
    assert report is not None
    held = Revision(
        digest="8516e52a",
        since_ns=WEEK.since_ns,
        until_ns=None,
        objective_ratio=0.999,
        threshold_s=None,
        at_least_per_s=None,
        window="28d",
    )
    first = dataclasses.replace(report.slos[0], revisions=(held,))
    told = json.loads(report_json.render(dataclasses.replace(report, slos=(first,))))
    (revision,) = told["slos"][0]["revisions"]
    assert (revision["since_at"], revision["until_at"]) == ("2027-01-04T00:00:00.000000000Z", None)
