"""Vendors write waits and limits in many ways; each is read, and nonsense is not observed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import headers

NOW_S = 1_800_000_000.0


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        ({"llm_provider-retry-after": "4"}, 4.0),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(answer: dict[str, str], expected: float | None) -> None:
    assert headers.retry_after_s(answer, NOW_S) == expected


def test_rate_limits_of_openai_with_go_durations() -> None:
    assert headers.ratelimit(
        {
            "x-ratelimit-limit-requests": "60",
            "x-ratelimit-limit-tokens": "150000",
            "x-ratelimit-remaining-requests": "59",
            "x-ratelimit-remaining-tokens": "149984",
            "x-ratelimit-reset-requests": "120ms",
            "x-ratelimit-reset-tokens": "6m0s",
        }
    ) == {
        "limit_requests": 60.0,
        "limit_tokens": 150000.0,
        "remaining_requests": 59.0,
        "remaining_tokens": 149984.0,
        "reset_requests_s": 0.12,
        "reset_tokens_s": 360.0,
    }


def test_rate_limits_of_cerebras_by_the_day_and_the_minute() -> None:
    assert headers.ratelimit(
        {
            "x-ratelimit-limit-requests-day": "14400",
            "x-ratelimit-remaining-tokens-minute": "59000",
            "x-ratelimit-reset-tokens-minute": "11.3",
        }
    ) == {"limit_requests": 14400.0, "remaining_tokens": 59000.0, "reset_tokens_s": 11.3}


def test_a_servers_time_is_the_first_that_is_there_in_its_own_unit() -> None:
    names = ["fireworks-server-processing-time", "fireworks-server-time-to-first-token"]
    assert headers.server_s({"fireworks-server-time-to-first-token": "0.125"}, names) == 0.125
    assert headers.server_s({"fireworks-server-processing-time": "soon"}, names) is None
    assert headers.server_s({}, names) is None


def test_azure_whole_seconds_are_read_and_minus_one_is_not_observed() -> None:
    assert headers.ratelimit(
        {
            "x-ratelimit-reset-requests": "10",
            "x-ratelimit-reset-tokens": "-1",
            "x-ratelimit-limit-tokens": "-1",
        }
    ) == {"reset_requests_s": 10.0}


def test_anthropics_limits_reset_at_instants_that_are_counted_from_the_answers_date() -> None:
    answer = {
        "date": "Sat, 28 Nov 2026 12:00:00 GMT",
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": "2026-11-28T12:00:01Z",
        "anthropic-ratelimit-tokens-limit": "60000",
        "anthropic-ratelimit-tokens-remaining": "59000",
        "anthropic-ratelimit-tokens-reset": "2026-11-28T11:59:59Z",
        "anthropic-ratelimit-input-tokens-remaining": "50000",
    }
    expected = {
        "remaining_requests": 49.0,
        "limit_requests": 50.0,
        "reset_requests_s": 1.0,
        "remaining_tokens": 59000.0,
        "limit_tokens": 60000.0,
        "reset_tokens_s": 0.0,
    }
    assert headers.ratelimit(answer) == expected
    del answer["date"]
    assert headers.ratelimit(answer).keys() == expected.keys() - {"reset_requests_s", "reset_tokens_s"}


def test_a_ray_id_without_an_edge_tells_nothing() -> None:
    assert headers.backend({"cf-ray": "9a1b2c"}, {"cf-ray": "edge"}) == {}


@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset-tokens", "date"]), st.text()
    )
)
def test_no_header_value_breaks_the_reading(answer: dict[str, str]) -> None:
    headers.retry_after_s(answer, NOW_S)
    headers.ratelimit(answer)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"server-timing": "gfet4t7; dur=212"}, 0.212),
        ({"server-timing": 'edge;desc="a";dur=3, gfet4t7;DUR="40.5"'}, 0.0405),
        ({"server-timing": "gfet4t7"}, None),
        ({"server-timing": "gfet4t7; dur=soon", "x-ms": "7"}, 0.007),
        ({"server-timing": "other; dur=1"}, None),
        ({"x-ms": "7"}, 0.007),
        ({}, None),
    ],
)
def test_a_servers_own_time_is_a_header_or_one_metric_of_server_timing(
    answer: dict[str, str], expected: float | None
) -> None:
    assert headers.server_s(answer, ["server-timing: gfet4t7", "x-ms"]) == expected
