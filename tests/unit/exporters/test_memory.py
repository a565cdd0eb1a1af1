from exporters.memory import MemorySink
from exporters.signals import Judged
from probes.result import Fault
from support.results import a_result


def test_the_sink_remembers_in_the_order_of_telling() -> None:
    sink = MemorySink()
    first, second = a_result(), a_result(attempt=1)
    sink.take(first)
    sink.take(second)
    sink.settle(Judged(result=first, fault=Fault.NONE))
    sink.show(())
    assert sink.taken == [first, second]
    assert [judged.result for judged in sink.settled] == [first]
    assert sink.statuses == ()
