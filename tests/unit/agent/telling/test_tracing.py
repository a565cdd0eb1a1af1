from agent.telling.tracing import TracesFollower
from exporters.memory import MemorySink
from probes.result import Fault, Outcome
from support.told import batch, beat, result, settled


def test_every_sink_is_told_of_each_attempt_and_of_each_slot_that_is_final() -> None:
    sinks = [MemorySink(), MemorySink()]
    follower = TracesFollower(sinks)
    bad = result(1, Outcome.SERVER_ERROR)
    confirmation = result(1, Outcome.OK, attempt=1)
    follower.fold(batch(result(0), bad, confirmation, beat(40), settled(1, Fault.OURS)))
    for sink in sinks:
        assert sink.taken == [result(0), bad, confirmation]
        assert [(judged.result, judged.fault) for judged in sink.settled] == [
            (result(0), Fault.NONE),
            (bad, Fault.OURS),
        ]


def test_its_position_goes_with_what_was_read() -> None:
    follower = TracesFollower([])
    follower.fold(batch(result(1, Outcome.SERVER_ERROR)))
    assert follower.keep(1, last=False) == 1
