"""What a single value may be: checks that return it or raise a sentence, and the types made of them."""

import json
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator

from agent.config import periods, selecting, thresholds, whens
from agent.config.durations import duration, ratio, shown, size
from agent.config.findings import BadValueError
from agent.config.references import literal, references
from agent.slo.calendars import Calendar
from agent.slo.objective import Field
from agent.slo.slices import Slices
from probes import residency, shapes

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_CONNECTIONS = frozenset(
    {
        "accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip
"""Headers that say how a message is framed, and to whom it goes: another value would break what is measured."""

SHEDDABLE = ("throughput", "long-context", "tools", "json", "responses", "embeddings", "chat-sync")
"""Kinds of probes that a budget may stop."""

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,99}")


def _text(value: object) -> str:
    if isinstance(value, str):
        if not value.strip():
            raise BadValueError("is empty; write a value, or take the key out")
        return value
    if isinstance(value, (bool, int, float)):
        # Not quoted: it may be a password of digits.
        raise BadValueError("is a number or a truth value as YAML reads it, not a text; put it in quotes")
    raise BadValueError(f"a text belongs here, not {shown(value)}")


def _plain(value: object) -> str:
    return literal(_text(value))


def _reference(value: object) -> str:
    """Return a text whose references are resolved at use; a broken one is found now."""
    text = _text(value)
    references(text)
    return text


def _listed(value: object, check: Callable[[object], str], example: str) -> tuple[str, ...]:
    """Return a list of texts that each pass a check; an empty one is a mistake."""
    if not isinstance(value, (list, tuple)) or not value:
        given = "an empty one" if value in ([], ()) else shown(value)
        raise BadValueError(f"a list of texts belongs here, not {given}; as in {example}")
    return tuple(check(part) for part in value)


def _plains(value: object) -> tuple[str, ...]:
    found = _listed(value, _plain, "[sre-mail]")
    if len(set(found)) < len(found):
        raise BadValueError("names one of them twice; keep one")
    return found


def _regions(value: object) -> tuple[str, ...]:
    found = _listed(value, _plain, "[eastus2, swedencentral]")
    if len(set(map(residency.spelt, found))) < len(found):
        raise BadValueError("names one of them twice; keep one")
    return found


def _referrings(value: object) -> tuple[str, ...]:
    return _listed(value, _reference, '["http://am-0:9093", "http://am-1:9093"]')


def _alert_fields(value: object) -> tuple[str, ...]:
    return _listed(value, whens.field, "[service]")


def _name(value: object) -> str:
    text = _plain(value)
    if "{" in text or "}" in text:
        raise BadValueError(
            f"{shown(text)} cannot be a name; a {{key}} stands for a value of `for`, so write that beside it"
        )
    if not _NAME.fullmatch(text):
        raise BadValueError(
            f"{shown(text)} cannot be a name; use up to 100 letters, digits, dots, dashes and underscores"
        )
    if text == "all":
        raise BadValueError("`all` selects everything, so it cannot be a name; choose another")
    return text


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadValueError(f"{shown(value)} is neither true nor false; write one of them, without quotes")
    return value


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise BadValueError(
            f"{shown(value)} is not a whole number from 1 to 1000000; write one, without quotes"
        )
    return value


def _port(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise BadValueError(f"{shown(value)} is not a port; write a number from 1 to 65535")
    return value


def _prompt_tokens(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 100 <= value <= 200_000:
        raise BadValueError(
            f"{shown(value)} is no length of a prompt; write a whole number of tokens from 100 to 200000"
        )
    return value


def _json_schema(value: object) -> dict[str, Any]:
    """Return a JSON Schema as JSON has it; one that no judge can use is told by its place."""
    if not isinstance(value, dict) or not value:
        raise BadValueError(
            f"a JSON Schema belongs here, as a map such as {{type: object, required: [city]}}, not {shown(value)}"
        )
    plain: dict[str, Any] = json.loads(json.dumps(value))
    if found := shapes.schema_fault(plain):
        raise BadValueError(f"is no JSON Schema that can be used: {found}")
    return plain


def _money(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e6:
        raise BadValueError(
            f"{shown(value)} is not a price; write US dollars per million tokens, such as 0.4"
        )
    return float(value)


def _dollars(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
        raise BadValueError(f"{shown(value)} is no amount to spend; write US dollars a day, such as 40")
    return float(value)


def _tokens(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1 <= value < 1e15:
        raise BadValueError(f"{shown(value)} is no number of tokens; write how many a day, such as 20000000")
    return float(value)


def _amount(value: object) -> object:
    """Return a bare number as dollars; a map says what it counts."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"usd": value}
    if not isinstance(value, dict):
        raise BadValueError(
            f"{shown(value)} is no amount; write US dollars a day, such as 3, or {{usd: 3, tokens: 1000000}}"
        )
    return value


def _kinds(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise BadValueError(f"a list of kinds belongs here, not {shown(value)}; the first goes first")
    for kind in value:
        if kind in ("chat", "models"):
            raise BadValueError(
                f"`{kind}` probes tell whether an endpoint answers, so no budget slows them; take it out"
            )
        if kind not in SHEDDABLE:
            raise BadValueError(
                f"{shown(kind)} is no kind that can be shed; there are {', '.join(SHEDDABLE)}"
            )
    if len(set(value)) < len(value):
        raise BadValueError("names a kind twice; keep one, for the order is when each goes")
    return tuple(value)


def _interval(value: object) -> float:
    seconds = duration(value)
    if not 0.1 <= seconds <= 86400:
        raise BadValueError(f"{shown(value)} is no interval for a probe; choose one from 100ms to 1d")
    return seconds


def _span(value: object) -> float:
    """Return a duration in seconds, which may be none at all."""
    return duration(value)


def _positive(value: object) -> float:
    seconds = duration(value)
    if seconds <= 0:
        raise BadValueError(f"{shown(value)} leaves no time; write more than zero")
    return seconds


def _size(value: object) -> int:
    found = size(value)
    if found < 1024:
        raise BadValueError(f"{shown(value)} is too small to hold anything; write 1KiB or more")
    return found


def _patterns(value: object) -> selecting.Selector:
    listed = value if isinstance(value, list) else [value]
    if any(isinstance(part, dict) for part in listed):
        raise BadValueError("probes are selected by name alone; write all, a name, a glob, or a list of them")
    return selecting.parse(value)


def _header(value: object) -> str:
    text = _plain(value)
    if not _HEADER.fullmatch(text):
        raise BadValueError(f"{shown(text)} is not the name of a header; use letters, digits and dashes")
    name = text.lower()
    if name in _CONNECTIONS or name.startswith("proxy-"):
        raise BadValueError(
            f"`{name}` belongs to the connection, which sets it itself; take it out "
            "(endpoint, resolve, tls and proxy say where to connect and how)"
        )
    return name


def _header_value(value: object) -> str:
    text = _reference(value)
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise BadValueError("a header is one line; take line breaks and control characters out")
    return text


def _label(value: object) -> str:
    text = _plain(value)
    if not _LABEL.fullmatch(text) or text.startswith("__"):
        raise BadValueError(
            f"{shown(text)} cannot be a label; use letters, digits and underscores, no digit first"
        )
    return text


def one_of(*values: str, later: tuple[str, ...] = ()) -> Callable[[object], str]:
    """Return a check that takes these values, and says "not yet" to those of later versions."""

    def check(value: object) -> str:
        if value in values:
            return str(value)
        known = ", ".join(values)
        if isinstance(value, str) and value in later:
            raise BadValueError(f"`{value}`: not yet: this version has {known}")
        if isinstance(value, (dict, list)) and later:
            raise BadValueError(f"not yet: this version takes no map or list here; write {known}")
        raise BadValueError(f"{shown(value)} is not known; write one of {known}")

    return check


def maps(value: object) -> object:
    """Return a list, whose maps are judged behind this."""
    if not isinstance(value, list):
        raise BadValueError(f"a list of maps belongs here, not {shown(value)}; begin each entry with a dash")
    return value


Text = Annotated[str, BeforeValidator(_text)]
Plain = Annotated[str, BeforeValidator(_plain)]
Referring = Annotated[str, BeforeValidator(_reference)]
Plains = Annotated[tuple[str, ...], PlainValidator(_plains)]
Referrings = Annotated[tuple[str, ...], PlainValidator(_referrings)]
Regions = Annotated[tuple[str, ...], PlainValidator(_regions)]
AlertFields = Annotated[tuple[str, ...], PlainValidator(_alert_fields)]
When = Annotated[whens.When, PlainValidator(whens.parse)]
Name = Annotated[str, BeforeValidator(_name)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Count = Annotated[int, BeforeValidator(_count)]
Port = Annotated[int, BeforeValidator(_port)]
Money = Annotated[float, BeforeValidator(_money)]
Dollars = Annotated[float, BeforeValidator(_dollars)]
Tokens = Annotated[float, BeforeValidator(_tokens)]
AMOUNT = BeforeValidator(_amount)
Shed = Annotated[tuple[str, ...], BeforeValidator(_kinds)]
Seconds = Annotated[float, BeforeValidator(_positive)]
Span = Annotated[float, BeforeValidator(_span)]
Interval = Annotated[float, BeforeValidator(_interval)]
Size = Annotated[int, BeforeValidator(_size)]
Ratio = Annotated[float, BeforeValidator(ratio)]
Patterns = Annotated[selecting.Selector, PlainValidator(_patterns)]
Selector = Annotated[selecting.Selector, PlainValidator(selecting.parse)]
Headers = dict[Annotated[str, BeforeValidator(_header)], Annotated[str, BeforeValidator(_header_value)]]
Labels = dict[Annotated[str, BeforeValidator(_label)], Plain]
Threshold = Annotated[float | thresholds.Graded, PlainValidator(thresholds.parse)]
Speed = Annotated[float | thresholds.Graded, PlainValidator(thresholds.speeds)]
PromptTokens = Annotated[int, BeforeValidator(_prompt_tokens)]
JsonSchema = Annotated[dict[str, Any], BeforeValidator(_json_schema)]
Window = Annotated[float, BeforeValidator(periods.rolling)]
Pool = Annotated[tuple[Field, ...] | None, PlainValidator(periods.pool)]
Method = Annotated[Slices | None, PlainValidator(periods.method)]
Period = Annotated[float | Calendar, PlainValidator(periods.parse)]
