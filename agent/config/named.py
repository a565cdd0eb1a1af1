"""Credentials that name where a vendor's library finds an identity: a key in their place is refused, and never quoted."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from agent.config.context import Context
from agent.config.durations import shown
from agent.config.findings import BadValueError, Path
from agent.config.nearest import nearest
from agent.config.references import Reference, references
from agent.config.secrets import MIN_LENGTH, NAMES
from probes.provider import Provider

_LONGEST: Final = 256
"""More characters than any profile or path that is meant here has."""

_KEY = re.compile(
    r".*(?:\{|\n|PRIVATE KEY).*|(?:sk-|AIza|ya29\.|eyJ|(?:AKIA|ASIA)[A-Z0-9]{4}).*|(?=.*[0-9])[A-Za-z0-9+][A-Za-z0-9+/=]{31,}",
    re.DOTALL,
)
"""What keys look like: JSON and PEM, the beginnings of vendors' keys and tokens, or many letters and digits in a row."""

_HOLDS_A_KEY = re.compile(r".*(?:KEY|SECRET|TOKEN|PASSWORD)", re.IGNORECASE)
"""Variables that hold a secret by their name."""

_PATH = re.compile(r"(?:~|\.{1,2})?(?:/[\w.-]+){2,}|.*\.json")
"""Paths of key files: the variable of one may well end in KEY."""

_MEANS: Final = {
    "aws": "names a profile",
    "oci": "names a profile",
    "entra": "says where an identity is found",
}


def judge(context: Context, path: Path, text: str, provider: Provider) -> None:
    """Tell of a name that is a key, or none of the words that there are."""
    try:
        found = references(text)
    except BadValueError as error:
        context.findings.error(path, str(error))
        return
    key = path[-1]
    if any(one.kind != "variable" for one in found) or any(
        _secret(one) for one in _values(context, text, found)
    ):
        context.findings.error(path, _remedy(str(key), provider))
        return
    value = context.setting(path, text)
    if found and value == text:  # not set, which is told
        return
    if found and any(_kept(context, one) for one in (value, *_values(context, text, found))):
        context.findings.error(path, _remedy(str(key), provider))
    elif words := provider.choices.get(str(key)):
        _chosen(context, path, value, words, quoted=not found)


def _values(context: Context, text: str, found: Sequence[Reference]) -> Iterator[str]:
    """Yield a text that refers to nothing, else what each of its references stands for, by default too."""
    if not found:
        yield text
    for one in found:
        yield from filter(None, (context.environ.get(one.name), one.default))


def _secret(value: str) -> bool:
    """Return whether a value is a key by its looks."""
    value = value.strip()
    return len(value) > _LONGEST or _KEY.fullmatch(value) is not None


def _kept(context: Context, value: str) -> bool:
    """Return whether a variable that is named after a secret holds this; the path of a key's file is none."""
    if len(value) < MIN_LENGTH or value in NAMES or _PATH.fullmatch(value):
        return False
    return any(
        value.strip() == held.strip()
        for name, held in context.environ.items()
        if _HOLDS_A_KEY.fullmatch(name)
    )


def _remedy(key: str, provider: Provider) -> str:
    beside = ", or an API key under api_key" if "api_key" in provider.credentials else ""
    if key == "google":
        return f"holds a key itself; write the path of its file, in google: /path/key.json{beside}"
    return f"holds a key itself, and {key} {_MEANS[key]}; write {key}: default{beside}"


def _chosen(context: Context, path: Path, value: str, words: Sequence[str], *, quoted: bool) -> None:
    if value in words:
        return
    what = shown(value) if quoted else "what it refers to"
    close = nearest(value, words) if quoted else ""
    context.findings.error(path, f"{what} is none of its words{close or '; write ' + ' or '.join(words)}")
