import re

from hypothesis import given, settings
from hypothesis import strategies as st

from exporters import labelling

_LABEL = re.compile(r"label_[a-z0-9_]*")


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text("aB9._-/é", min_size=1, max_size=6), st.text(max_size=3), max_size=6))
def test_every_user_label_finds_a_valid_name_of_its_own(labels: dict[str, str]) -> None:
    shown = labelling.user_labels(labels)
    assert sorted(shown.values()) == sorted(labels.values())
    assert all(_LABEL.fullmatch(name) for name in shown)
