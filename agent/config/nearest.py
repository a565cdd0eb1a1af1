"""The likeliest meaning of a word that is not known."""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean `...`?" for the likeliest of the known, else nothing.

    >>> nearest("percnt", ["percent", "probes"])
    '; did you mean `percent`?'
    """
    found = close(word, known)
    return f"; did you mean `{found}`?" if found else ""


def close(word: str, known: Iterable[str]) -> str | None:
    """Return the likeliest of the known, None where none is like the word."""
    return next(iter(difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)), None)
