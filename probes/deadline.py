"""The deadlines of one attempt: which one is armed, when it strikes, and what it means when it does."""

from probes.result import Outcome
from probes.target import Workload


class Deadline:
    """The earliest of an attempt's limits, in the seconds of whatever clock `now_s` is read from.

    Until the first generated unit it is the first token's (of a chat that streams) or the total one; from
    then on the stall's, which only another unit puts off: comments and pings do not call `progress`.
    """

    def __init__(self, workload: Workload, now_s: float) -> None:
        self._stall_s = workload.stall_s
        self._end_s = now_s + workload.timeout_s
        self.at_s = self._end_s
        self.means = Outcome.TOTAL_TIMEOUT
        if workload.streamed:
            self._arm(now_s + workload.first_token_s, Outcome.FIRST_TOKEN_TIMEOUT)

    def progress(self, now_s: float) -> None:
        """Put the stall's limit off: a unit was generated."""
        self._arm(now_s + self._stall_s, Outcome.STALLED)

    def _arm(self, at_s: float, means: Outcome) -> None:
        self.at_s, self.means = min((at_s, means), (self._end_s, Outcome.TOTAL_TIMEOUT))
