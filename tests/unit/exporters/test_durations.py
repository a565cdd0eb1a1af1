import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters import durations


@given(st.integers(0, 10**12))
def test_what_is_written_reads_back(milliseconds: int) -> None:
    """To the millisecond."""
    assert durations.read(durations.write(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "1.5h", "5m!", "5min"])
def test_what_prometheus_would_not_read_is_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(ValueError, match="for example 5m or 28d"):
        durations.read(text)
