import dataclasses
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from probes.result import Outcome
from storage import rows, schema
from storage.cleaning import DURATIONS
from support.results import a_result


@given(st.integers(0, 2_000_000_000_000), st.integers(0, 2_000_000))
def test_microseconds_are_at_or_under_a_threshold_exactly_where_the_seconds_are(
    took_ns: int, threshold_us: int
) -> None:
    """Rounding up loses no comparison with a threshold of whole microseconds."""
    took_s, threshold_s = took_ns / 1e9, threshold_us / 1e6
    stored = rows.microseconds(took_s)
    assert stored is not None
    assert (stored <= threshold_us) == (took_s <= threshold_s)


@given(st.integers(0, 2**63 - 1000))
def test_instants_of_whole_microseconds_come_back(ns: int) -> None:
    """To the year 2262, without a float in between."""
    whole = ns // 1000 * 1000
    assert rows.nanoseconds(rows.instant(ns)) == whole


def test_an_edge_of_a_window_is_rounded_up() -> None:
    """A slot of a whole microsecond stays on its side of an edge that is none."""
    slot = rows.instant(1_000_000)
    assert slot >= rows.instant_up(1_000_000)
    assert slot < rows.instant_up(1_000_001)
    assert slot >= rows.instant_up(999_001)


def test_every_field_of_a_result_has_a_place() -> None:
    """A field that is added to the message is either a column, in a dictionary, in the revision or a detail."""
    fields = {field.name for field in dataclasses.fields(a_result())}
    columns = set(schema.results.c.keys())
    placed = {
        *rows.DETAIL,
        *rows.DICTIONARY_OF,
        *rows.REVISION,
        *DURATIONS,
        *(fields & columns),
        *("scheduled_ns", "retry_after_s"),
    }
    assert fields == placed
    assert {f"{name[:-2]}_us" for name in DURATIONS} <= columns
    assert set(rows.columns(a_result(), {}, 1)) == columns
    assert {*rows.REVISION, "digest"} == set(schema.revisions.c.keys()) - {"id", "target_id"}


def test_a_session_is_no_name_of_a_backend() -> None:
    """Two answers of one deployment are of one entry; another region is another."""
    first, second, elsewhere = (
        rows.names(a_result(backend={"region": region, "session": session}))["backend"]
        for region, session in (("eu", "d1"), ("eu", "d2"), ("us", "d3"))
    )
    assert first == second != elsewhere


def test_a_detailed_row_comes_back_whole() -> None:
    """Marks, chunks and the error are in the detail, all else in the row."""
    result = a_result(
        outcome=Outcome.SERVER_ERROR,
        error="down",
        ratelimit={"remaining": 0.0},
        tls_expires_at=datetime(2027, 1, 1, tzinfo=UTC),
    )
    row, detail = rows.detailed(result)
    assert rows.whole(row, detail) == result
    assert detail.keys() == {"error", "ratelimit", "chunks", "marks"}
    assert not detail.keys() & row.keys()


def test_a_changed_label_is_another_revision() -> None:
    """Labels belong to the target's revision; a probe's figures do not."""
    plain = rows.revision(a_result())["digest"]
    assert rows.revision(a_result(ttft_s=9.0, outcome=Outcome.STALLED))["digest"] == plain
    assert rows.revision(a_result(labels={"env": "prod"}))["digest"] != plain
    assert rows.revision(a_result(target="other"))["digest"] != plain
