import dataclasses
import math
from datetime import UTC, datetime
from typing import Any

import pytest

from probes.result import Fault, SlotKey
from storage.cleaning import TEXT_LIMIT, UnfitError, clean, clean_settled
from storage.records import Settled
from support.results import a_result


def test_what_is_fine_is_left_as_it_is() -> None:
    """The common row costs nothing: not even a copy of its fields."""
    result = a_result(error="naïve café 東京", labels={"env": "prod"}, ratelimit={"remaining": 3.0})
    assert clean(result) == (result, ())


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("error", "a\0b", "ab"),
        ("finish_reason", "\ud800stop", "stop"),
        ("fingerprint", "x" * 100_000, "x" * TEXT_LIMIT),
        ("input_tokens", 2**70, None),
        ("output_tokens", -1, None),
        ("http_status", 40_000, None),
        ("ttft_s", math.nan, None),
        ("total_s", math.inf, None),
        ("connect_s", -0.5, None),
        ("server_s", 1e12, None),
        ("retry_after_s", 1e300, None),
        ("cost_usd", math.nan, None),
        ("backend", {"region\0": "eu\0"}, {"region": "eu"}),
        ("backend", {"edge": "x" * 400, "region": "y" * 400}, {}),
        ("ratelimit", {"remaining": math.nan, "limit": 3.0}, {"limit": 3.0}),
        ("chunks", (0.1, math.inf, 0.2), (0.1, 0.2)),
        ("marks", (("se\0nt", 1),), (("sent", 1),)),
        ("tls_expires_at", datetime(2027, 1, 1), datetime(2027, 1, 1, tzinfo=UTC)),  # noqa: DTZ001 - the point
    ],
)
def test_what_postgres_cannot_hold_is_taken_out(field: str, value: Any, kept: Any) -> None:
    """A figure becomes "not observed", a text loses what is no text, and the field is named."""
    result, changed = clean(a_result(**{field: value}))
    assert getattr(result, field) == kept
    assert changed == (field,)


@pytest.mark.parametrize(
    "changes",
    [
        {"scheduled_ns": -1},
        {"started_ns": 2**63},
        {"scheduled_ns": 10**30},
        {"attempt": -2},
        {"attempt": 2**15},
    ],
)
def test_a_row_without_a_place_is_refused(changes: dict[str, int]) -> None:
    """What makes the key cannot be bent."""
    with pytest.raises(UnfitError, match="out of range"):
        clean(a_result(**changes))


def test_a_verdict_is_cleaned_alike() -> None:
    """Its texts lose what is no text, its counts are cut at what a column holds."""
    slot = SlotKey("open\0ai", "chat", "fra-1", 1)
    told = Settled(slot=slot, fault=Fault.OURS, confirmations=99_999, witness="a\0", settled_ns=2)
    kept = clean_settled(told)
    assert (kept.slot.target, kept.witness, kept.confirmations) == ("openai", "a", 2**15 - 1)
    with pytest.raises(UnfitError):
        clean_settled(dataclasses.replace(told, settled_ns=2**63))
