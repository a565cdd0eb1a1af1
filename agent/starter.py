"""The text of a first configuration, which teaches what it holds."""

from collections.abc import Iterator, Sequence

from agent.config import extras
from agent.offers import Offer, example

_HEAD = """\
# Written by `nephoscope init`. It names the variables that hold credentials, never their values.
#   nephoscope check          what will be called, what a day costs, and what is wrong with it (offline)
#   nephoscope check --live   are names, certificates and identities in order?
#   nephoscope once           every probe once, now
#   nephoscope run            the daemon
# Every key is explained by `nephoscope config reference`.

# What is asked: one entry for each endpoint that serves one model.
targets:
"""

_TAIL = """\

# How it is asked.
probes:
  - name: chat
    kind: chat        # a streamed answer; `models` only fetches the list of models, and costs nothing
    every: 1m         # half the interval, twice the cost, and failures are seen sooner
    first_token: 8s   # a target that generates nothing for so long has failed
    timeout: 30s
    max_tokens: 256   # a cap on the answer; reasoning models need the room
    targets: all

# What is promised. `nephoscope rules` makes alerts for Prometheus of it.
objectives:
  - {name: available, sli: availability, percent: 99.9, window: 28d}
  - {name: quick, sli: ttft, percent: 99, window: 28d, under: 2s} # the first token within 2 s
"""

_NOTHING = """\
  # Nothing that is set here makes a target, so this is an example: a server of your own on this machine.
  - name: local
    provider: vllm                    # or ray, nim, or openai-compatible for any other
    endpoint: http://127.0.0.1:8000   # the base URL, as the vendor's own SDK takes it
    model: my-model                   # as the server calls it
  # A vendor's endpoint, once its variable is set:
  # - name: openai
  #   provider: openai
  #   model: gpt-5-nano
  #   credentials: {api_key: "${OPENAI_API_KEY}"}
"""


def document(found: Sequence[Offer]) -> str:
    """Return a file with a target for each usable offer, or with one example where there is none."""
    usable = [offer for offer in found if offer.usable]
    targets = "".join(f"{line}\n" for offer in usable for line in _target(offer)) or _NOTHING
    hints = "".join(f"  # {line}\n" for offer in found if not offer.usable for line in _hint(offer))
    return f"{_HEAD}{targets}{hints}{_TAIL}"


def _target(offer: Offer) -> Iterator[str]:
    """Yield the lines of a target: who serves, where, what, and with which identity last."""
    asked = example(offer.provider)
    keys = dict(offer.keys)
    credentials = keys.pop("credentials", None)
    yield f"  - name: {offer.provider}"
    yield f"    provider: {offer.provider}"
    yield from (f"    {key}: {text}" for key, text in keys.items())
    yield f"    model: {asked.model} # an example: the model that you use"
    if asked.id is not None:
        yield f"    id: {asked.id} # the name of your deployment of it"
    if credentials is not None:
        yield f"    credentials: {credentials}"


def _hint(offer: Offer) -> Iterator[str]:
    """Yield what is missing for another target, as comments."""
    held = " and ".join(offer.set)
    if offer.missing:
        yield f"{offer.provider}: {held} is set here, {' and '.join(offer.missing)} is not."
        return
    if offer.extra is not None:
        yield f"{offer.provider}: {held} is set here; what reads it comes with {extras.remedy(offer.extra)}"
        return
    yield f"{held} is set here; say where your {offer.provider} is served:"
    yield f"- name: {offer.provider}"
    yield f"  provider: {offer.provider}"
    yield "  endpoint: https://..."
    yield "  model: my-model"
    if "credentials" in offer.keys:
        yield f"  credentials: {offer.keys['credentials']}"
