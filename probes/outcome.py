"""Status, stream verdict, broken wire or passed deadline -> outcome, error code and a sentence that helps."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from probes import timing
from probes.base import Reading, SigningError
from probes.errors import ErrorObject, before_status, without_status
from probes.gateways import Failing
from probes.judging import mismatch
from probes.result import Outcome, StreamVerdict
from probes.target import Target, Workload

NOTHING = "nothing at all came"
"""How much of an answer came where none did; such words end a sentence on what became of it."""

LAG_FAULT_S = 0.25
"""A deadline that struck while our own loop stood still for longer than this is our fault, not the endpoint's."""


Remedies = Mapping[str, str]
"""What to do in a provider's own words, by an error's lower-cased name or a status; `{model}`, `{region}` and
`{credential}` stand for those of the target."""


class Verdict(NamedTuple):
    """What became of an attempt: the sentence says what to do and may hold secrets until it is redacted."""

    outcome: Outcome
    code: str | None = None
    sentence: str | None = None


_SERVER_ERROR = frozenset({408, 424, 499, 530})
_OVERLOADED = frozenset({503, 529})


def of_request(target: Target, error: Exception) -> Verdict:
    """Return what it means that the request could not be made; not every such sentence names the target."""
    sentence, outcome, code = str(error), Outcome.CONFIG, None
    if isinstance(error, SigningError):
        outcome, code = error.outcome, error.code
    named = _who(target) in sentence
    return Verdict(outcome, code, sentence if named else f"{_who(target)}: {sentence}")


def of_status(
    target: Target,
    status: int,
    headers: Mapping[str, str],
    error: ErrorObject,
    failing: Failing | None = None,
    remedies: Remedies = MappingProxyType({}),
) -> Verdict:
    """Return what an answer other than 2xx means.

    `headers` are lower-cased, `failing` is what a gateway tells, `remedies` are the provider's own words.
    """
    outcome = before_status(error, status) or _status_outcome(status)
    code = error.code if error.code != str(status) else None
    own = _own_remedy(target, remedies, (*error.names, str(status)))
    sentence = _status_sentence(target, status, outcome, headers.get("location"), failing, own)
    return Verdict(outcome, code or error.type, _quoting(sentence, error.message))


def of_reading(
    target: Target,
    workload: Workload,
    reading: Reading,
    status: int = 200,
    came: str = NOTHING,
    failing: Failing | None = None,
    remedies: Remedies = MappingProxyType({}),
) -> Verdict:
    """Return what a 2xx answer means, by how its body ended and what it said; `came` tells how much it was."""
    if reading.stream is StreamVerdict.ERRORED:
        return _errored(target, reading, failing, remedies)
    if reading.malformed and reading.sentence:
        return of_wire(target, Outcome.MALFORMED, reading.sentence)
    if reading.malformed:
        sentence = (
            f"{_who(target)} answered {status} with something that is not the protocol of provider "
            f"{target.provider}: check endpoint and provider"
        )
        return Verdict(Outcome.MALFORMED, None, _because(sentence, reading.error))
    if reading.stream is StreamVerdict.TRUNCATED:
        if reading.sentence:
            return of_wire(target, Outcome.TRUNCATED, f"{reading.sentence}; {came}")
        sentence = (
            f"{_who(target)} ended the answer before its own end mark; {came}: "
            f"look at the limits of the server and of proxies and gateways on the way"
        )
        return Verdict(Outcome.TRUNCATED, None, _because(sentence, reading.error))
    return _of_ended(target, workload, reading, came)


def _of_ended(target: Target, workload: Workload, reading: Reading, came: str) -> Verdict:
    if reading.finish_reason == "content_filter":
        sentence = f"the content filter of {_who(target)} cut the answer: choose a tamer prompt or filter"
        return Verdict(Outcome.CONTENT_FILTER, "content_filter", sentence)
    if reading.stream is StreamVerdict.EMPTY:
        reason = f" (finish reason {reading.finish_reason})" if reading.finish_reason else ""
        sentence = (
            f"{_who(target)} ended the answer in order without any text{reason}; {came}: "
            "send the probe's prompt by hand, and see the provider's status"
        )
        return Verdict(Outcome.EMPTY, None, sentence)
    if wrong := mismatch(workload, reading):
        return Verdict(Outcome.MISMATCH, wrong.code, f"the answer of {_who(target)} {wrong.said}")
    return Verdict(Outcome.OK)


def of_wire(target: Target, outcome: Outcome, sentence: str, reason: str | None = None) -> Verdict:
    """Return what a broken wire means; its sentence holds the remedy."""
    return Verdict(outcome, reason, f"{_who(target)}: {sentence}")


def of_deadline(
    target: Target,
    workload: Workload,
    struck: Outcome,
    marks: Mapping[str, int],
    lag_s: float,
    came: str = NOTHING,
) -> Verdict:
    """Return what a passed deadline means, by the phase that it struck in, our own lag and what `came` instead."""
    if lag_s > LAG_FAULT_S:
        sentence = (
            f"a deadline of probe {workload.name} passed while this agent's event loop stood still for "
            f"{lag_s:.2f} s: the machine is overloaded, give the agent more CPU or fewer targets"
        )
        return Verdict(Outcome.AGENT_FAULT, "loop_lag", sentence)
    limit_s = workload.timeout_s if struck is Outcome.TOTAL_TIMEOUT else workload.first_token_s
    if phase := _open_phase(marks):
        outcome, code, sentence = _STUCK[phase]
        return of_wire(target, outcome, sentence.format(limit_s), code)
    did, limit_s, name = {
        Outcome.FIRST_TOKEN_TIMEOUT: ("generated nothing within", workload.first_token_s, "first_token"),
        Outcome.STALLED: ("stopped generating for", workload.stall_s, "stall"),
        Outcome.TOTAL_TIMEOUT: ("did not finish within", workload.timeout_s, "timeout"),
    }[struck]
    sentence = (
        f"{_who(target)} {did} {limit_s:g} s ({name} of probe {workload.name}); {came}: "
        f"see the provider's status, or raise {name} where the model is known to take longer"
    )
    return Verdict(struck, None, sentence)


_STUCK: Mapping[str, tuple[Outcome, str | None, str]] = {
    "dns_wait": (
        Outcome.AGENT_FAULT,
        "resolver_busy",
        (
            "no thread of this agent was free to look its name up within {:g} s: "
            "see which other names hang, check this machine's resolver or ask fewer targets"
        ),
    ),
    "dns": (
        Outcome.DNS,
        None,
        "its name was not resolved within {:g} s: check the endpoint's host and this machine's resolver",
    ),
    "connect": (
        Outcome.CONNECT_TIMEOUT,
        None,
        "no connection came about within {:g} s: check the endpoint's host and port, routes and firewalls",
    ),
    "proxy": (
        Outcome.CONNECT_TIMEOUT,
        None,
        "the proxy opened no way within {:g} s: check the target's proxy",
    ),
    "tls": (
        Outcome.TLS,
        None,
        "the TLS handshake did not end within {:g} s: check that the endpoint's port speaks TLS",
    ),
}
"""What a deadline means that struck while a connection was being made."""


def _open_phase(marks: Mapping[str, int]) -> str | None:
    """Return the latest phase of connecting that began and has not ended.

    One that began before something was sent belongs to the past, and one after it to a second connection,
    made because a kept one had been closed.
    """
    begun = [
        (marks[start], phase)
        for phase, start, end in (
            ("dns_wait", timing.DNS_WAIT_START, timing.DNS_START),
            ("dns", timing.DNS_START, timing.DNS_END),
            ("connect", timing.CONNECT_START, timing.CONNECT_END),
            ("proxy", timing.PROXY_START, timing.PROXY_END),
            ("tls", timing.TLS_START, timing.TLS_END),
        )
        if start in marks and marks[start] > max(marks.get(end, -1), marks.get(timing.SENT, -1))
    ]
    return max(begun)[1] if begun else None


def _errored(target: Target, reading: Reading, failing: Failing | None, remedies: Remedies) -> Verdict:
    """Return the row of the status or type that an error in the stream names; an unknown one is the server's."""
    error = ErrorObject(reading.error_type, reading.error_code, reading.error)
    status = int(error.code) if error.code and re.fullmatch(r"[45]\d\d", error.code) else None
    outcome = before_status(error, status or 400)
    if outcome is None:
        outcome = without_status(error) if status is None else _status_outcome(status)
    own = _own_remedy(target, remedies, error.names)
    said = f"{_who(target)} reported an error inside its answer{failing.said if failing else ''}"
    sentence = f"{said}: {own}" if own else said + _remedy(outcome)
    code = error.code if status is None else None
    return Verdict(outcome, code or error.type or error.code, _quoting(sentence, error.message))


def _status_outcome(status: int) -> Outcome:
    if status == 429:
        return Outcome.THROTTLED
    if status in _OVERLOADED:
        return Outcome.OVERLOADED
    if status in _SERVER_ERROR or 500 <= status <= 599:
        return Outcome.SERVER_ERROR
    if 300 <= status <= 499:
        return Outcome.CONFIG
    return Outcome.MALFORMED


def _status_sentence(
    target: Target,
    status: int,
    outcome: Outcome,
    location: str | None,
    failing: Failing | None,
    own: str | None,
) -> str:
    said = f"{_who(target)} answered {status}{failing.said if failing else ''}"
    if remedy := (failing and failing.remedy(outcome, status)) or own:
        return f"{said}: {remedy}"
    if 300 <= status <= 399:
        return (
            f"{said} and points to {location or 'nowhere'}: set the target's endpoint to where it is served"
        )
    if outcome is Outcome.MALFORMED:
        return f"{said}, which is no status of HTTP: look at the server, or at a proxy or gateway on the way"
    if outcome is not Outcome.CONFIG:
        return said + _remedy(outcome)
    model = "deployment" if target.provider == "azure" else "model"
    remedies = {
        400: f"the request was refused, check {model} {target.model_id} and what the probe sends",
        401: f"the identity was refused, check {_credential(target)}",
        403: f"access is denied, check the rights of {_credential(target)}, and network rules and regions",
        404: f"{model} {target.model_id} is unknown there, or the endpoint's path is wrong: check both",
        405: "the endpoint's path is wrong: check endpoint and provider",
        407: "a proxy wants credentials: check the target's proxy",
        498: f"the token is invalid, check {_credential(target)}",
    }
    return f"{said}: {remedies.get(status, f'check {model} {target.model_id} and what the probe sends')}"


def _own_remedy(target: Target, remedies: Remedies, names: Iterable[str]) -> str | None:
    """Return the provider's own words for the first of these names that it has some for."""
    found = next((remedies[name] for name in names if name in remedies), None)
    if found is None:
        return None
    region = target.region or "its region"
    return found.format(model=target.model_id, region=region, credential=_credential(target))


def _remedy(outcome: Outcome) -> str:
    return {
        Outcome.QUOTA: ": the quota or credit of its account is spent, top it up or raise its limit",
        Outcome.THROTTLED: ": its rate limit is reached, probe less often or raise the limit",
        Outcome.CONTENT_FILTER: ": its content filter refused the prompt, choose a tamer prompt or filter",
        Outcome.OVERLOADED: ": it is overloaded, see the provider's status",
        Outcome.SERVER_ERROR: ": it failed on its side, see the provider's status",
        Outcome.CONFIG: ": it refused the request, check model and credentials of the target",
    }.get(outcome, ": see the provider's status")


def _credential(target: Target) -> str:
    """Name the credential to look at; of its value only a plain reference is shown, never a literal."""
    if not target.credentials:
        return f"credentials of target {target.name} (none are set)"
    key, value = next(iter(target.credentials.items()))
    plain = re.fullmatch(r"\$\{(\w+|(file|secret):[^}$]+)\}", value)
    return f"credentials.{key} of target {target.name}" + (f" ({value})" if plain else "")


def _who(target: Target) -> str:
    return f"target {target.name}"


def _quoting(sentence: str, message: str | None) -> str:
    return f'{sentence} (it says: "{" ".join(message.split())}")' if message else sentence


def _because(sentence: str, reason: str | None) -> str:
    return f"{sentence} ({reason.rstrip('.')})" if reason else sentence
