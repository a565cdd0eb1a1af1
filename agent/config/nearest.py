"""The likeliest meaning of a word that is not known."""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean `...`?" for the likeliest of the known, else nothing.

    >>> nearest("percnt", ["percent", "probes"])
    '; did you mean `percent`?'
    """
    found = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean `{found[0]}`?" if found else ""
