"""The text of a first configuration, which teaches what it holds."""

from collections.abc import Iterator, Sequence

from agent.offers import EXAMPLES, Example, Offer
from probes import catalog

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
    hints = "".join(
        f"  # {line}\n" for offer in found if not (offer.usable or offer.later) for line in _hint(offer)
    )
    return f"{_HEAD}{targets}{hints}{_TAIL}"


def _target(offer: Offer) -> Iterator[str]:
    provider, name = catalog.PROVIDERS[offer.provider], offer.provider
    example = EXAMPLES.get(name, Example(model="my-model"))
    endpoint = provider.environment.get("endpoint")
    yield f"  - name: {name}"
    yield f"    provider: {name}"
    if endpoint:
        yield f'    endpoint: "${{{endpoint}}}"'
    elif example.endpoint:
        yield f"    endpoint: {example.endpoint}"
    yield f"    model: {example.model} # an example: the model that you use"
    if name == "azure":
        yield f"    id: {example.model} # the name of your deployment of it"
    for kind in provider.credentials:
        if kind in provider.environment:
            yield f'    credentials: {{{kind}: "${{{provider.environment[kind]}}}"}}'


def _hint(offer: Offer) -> Iterator[str]:
    """Yield what is missing for another target, as comments."""
    if offer.missing:
        yield f"{offer.provider}: {' and '.join(offer.set)} is set here, {' and '.join(offer.missing)} is not."
        return
    provider = catalog.PROVIDERS[offer.provider]
    yield f"{' and '.join(offer.set)} is set here; say where your {offer.provider} is served:"
    yield f"- name: {offer.provider}"
    yield f"  provider: {offer.provider}"
    yield "  endpoint: https://..."
    yield "  model: my-model"
    for kind in provider.credentials:
        if kind in provider.environment:
            yield f'  credentials: {{{kind}: "${{{provider.environment[kind]}}}"}}'
