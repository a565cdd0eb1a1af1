from typing import Any

from storage.base import Batch, JournalReader, JournalWriter, Record
from storage.memory import MemoryJournal
from storage.memory_outbox import MemoryOutbox
from storage.records import Kind


def test_records_are_numbered_and_read_in_order() -> None:
    """1, 2, ...; a reader takes what there is, at most as many as it asks for, and remembers its place."""
    journal = MemoryJournal()
    writer: JournalWriter = journal
    reader: JournalReader = journal.reader()
    assert reader.read(10) == Batch(())
    assert [writer.append(Kind.BEAT, bytes([n]), good=n == 2) for n in (1, 2, 3)] == [1, 2, 3]
    assert reader.read(2) == Batch((Record(1, Kind.BEAT, b"\1"), Record(2, Kind.BEAT, b"\2")))
    assert reader.position == 2
    assert reader.read(2).records == (Record(3, Kind.BEAT, b"\3"),)
    assert reader.read(2).records == ()


def test_readers_have_positions_of_their_own() -> None:
    """One may be behind, and one may begin later."""
    journal = MemoryJournal()
    for _ in range(3):
        journal.append(Kind.RESULT, b"{}")
    journal.reader().read(3)
    assert len(journal.reader().read(9).records) == 3
    assert [record.seq for record in journal.reader(2).read(9).records] == [3]


def test_the_outbox_is_read_by_nobody_while_another_thread_writes_into_it() -> None:
    """Deliveries are read beside the looking, from a thread of their own."""
    outbox, held = MemoryOutbox(), list[bool]()

    class Watched(dict[Any, Any]):
        def values(self) -> Any:
            held.append(outbox._lock.locked())
            return super().values()

    outbox.kept = Watched()
    outbox.deliveries("here", "service-down/chat@1")
    outbox.claim("here", ("pager",), 0, 1, 9)
    outbox.forget("here", 0)
    assert held
    assert all(held)
