"""A loopback server for each vendor that speaks as OpenAI does: it looks at what comes, and answers with real framing."""

import dataclasses
import json
import pathlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent.clock import SystemClock
from probes.base import Slot
from probes.exchange import Exchange
from probes.result import ProbeResult
from probes.target import Kind, Path, Target, Workload
from probes.transport.wire import WireTransport
from support.clouds import able
from support.secrets import FakeSecrets
from support.wireserver import Asked, Peer, WireServer, answer, chunk, head

STREAMS: Final = pathlib.Path(__file__).parents[2] / "streams"
KEY: Final = "sk-planted-0123456789"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vendor:
    """What a vendor's documents say of its API; `models` is the path of its list and `listed` what that holds."""

    prefix: str
    cap: str = "max_tokens"
    usage: Mapping[str, bool] | None = dataclasses.field(default_factory=lambda: {"include_usage": True})
    efforts: bool = True
    stream: str = "openai"
    models: str | None = None
    listed: Any = dataclasses.field(default_factory=lambda: {"object": "list", "data": [{"id": "m"}]})
    kinds: frozenset[str] = frozenset()
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


_BOTH: Final = frozenset({"responses", "embeddings"})
_NEWER: Final = "max_completion_tokens"

VENDORS: Final[Mapping[str, Vendor]] = {
    "openai": Vendor(
        prefix="/v1", cap=_NEWER, usage={"include_usage": True, "include_obfuscation": False}, kinds=_BOTH
    ),
    "vllm": Vendor(prefix="/v1", stream="vllm_metrics", kinds=_BOTH),
    "ray": Vendor(prefix="/v1", stream="vllm", kinds=frozenset({"embeddings"})),
    "nim": Vendor(prefix="/v1", stream="vllm", kinds=frozenset({"responses"})),
    "litellm": Vendor(prefix="/v1", stream="litellm", kinds=_BOTH, headers={"x-litellm-num-retries": "0"}),
    "openai-compatible": Vendor(prefix="/v1", kinds=_BOTH),
    "deepseek": Vendor(prefix="", stream="deepseek"),
    "qwen": Vendor(
        prefix="/compatible-mode/v1", stream="qwen", efforts=False, kinds=frozenset({"embeddings"})
    ),
    "mistral": Vendor(prefix="/v1", usage=None, stream="mistral", kinds=frozenset({"embeddings"})),
    "xai": Vendor(prefix="/v1", cap=_NEWER, kinds=frozenset({"responses"})),
    "groq": Vendor(prefix="/openai/v1", cap=_NEWER, stream="groq", kinds=frozenset({"responses"})),
    "together": Vendor(prefix="/v1", listed=[{"id": "m"}, {"id": "n"}], kinds=frozenset({"embeddings"})),
    "fireworks": Vendor(prefix="/inference/v1", kinds=_BOTH),
    "cerebras": Vendor(prefix="/v1", cap=_NEWER, stream="cerebras"),
    "openrouter": Vendor(prefix="/api/v1", stream="openrouter", models="/api/v1/models/user", kinds=_BOTH),
    "github": Vendor(
        prefix="/inference",
        efforts=False,
        models="/catalog/models",
        listed=[{"id": "m"}],
        kinds=frozenset({"embeddings"}),
        headers={"x-github-api-version": "2022-11-28"},
    ),
}

_TASKS: Final = frozenset({"tools", "tool_choice", "response_format", "text"})


class Cloud:
    """Answers as a vendor does, and refuses what the vendor would not take; `asked` is all that came.

    `faults` are whole answers that are given first, one a request; `keys` those that are accepted.
    """

    def __init__(self, name: str, *faults: bytes) -> None:
        self.vendor = VENDORS[name]
        self.asked: list[Asked] = []
        self.faults = list(faults)
        self.keys = {KEY}

    async def script(self, peer: Peer) -> None:
        asked = await peer.request()
        self.asked.append(asked)
        if self.faults:
            await peer.send(self.faults.pop(0))
        elif asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.keys:
            await peer.send(refusal("401 Unauthorized", code="invalid_api_key", message="no such key"))
        elif wrong := self._wrong(asked):
            await peer.send(refusal("422 Unprocessable Entity", message=wrong))
        else:
            await peer.send(*self._answer(asked))

    def _wrong(self, asked: Asked) -> str | None:
        """Return what the vendor would not take."""
        vendor, headers = self.vendor, asked.headers
        lacking = [name for name, value in vendor.headers.items() if headers.get(name) != value]
        if lacking or headers.get("accept-encoding") != "identity":
            return f"headers are wrong: {lacking} {headers.get('accept-encoding')}"
        if asked.method == "GET":
            expected = vendor.models or f"{vendor.prefix}/models"
            return None if asked.target == expected else f"{asked.target} is not {expected}"
        if headers.get("content-type") != "application/json":
            return "the content type is wrong"
        path, body = asked.target.removeprefix(vendor.prefix), json.loads(asked.body)
        unknown = body.keys() - self._taken(path, streamed=body.get("stream", False))
        if unknown or body.get("model") != "the-model":
            return f"{path} does not take {sorted(unknown)} of {sorted(body)}"
        if vendor.usage is not None and path == "/chat/completions" and "stream" in body:
            return None if body.get("stream_options") == vendor.usage else "no usage is asked for"
        return None

    def _taken(self, path: str, *, streamed: bool) -> set[str]:
        vendor = self.vendor
        fields = {"model"} | ({"stream"} if streamed else set())
        cache = {"cache"} if "x-litellm-num-retries" in vendor.headers else set()
        if path == "/chat/completions":
            options = {"stream_options"} if vendor.usage is not None and streamed else set()
            effort = {"reasoning_effort"} if vendor.efforts else set()
            return fields | options | effort | cache | {"messages", vendor.cap} | _TASKS
        if path.removeprefix("/") not in vendor.kinds:
            return set()
        if path == "/embeddings":
            return {"model", "input"} | cache
        effort = {"reasoning"} if vendor.efforts else set()
        return fields | effort | cache | {"input", "max_output_tokens", "store", "stream_options"} | _TASKS

    def _answer(self, asked: Asked) -> Sequence[bytes]:
        if asked.method == "GET":
            return [answer(json.dumps(self.vendor.listed).encode())]
        if asked.target.endswith("/embeddings"):
            listed = {"object": "list", "model": "m", "data": [{"index": 0, "embedding": [0.25, -0.5]}]}
            return [answer(json.dumps({**listed, "usage": {"prompt_tokens": 7, "total_tokens": 7}}).encode())]
        body = json.loads(asked.body)
        if not body.get("stream"):
            return [answer(json.dumps(WHOLE).encode())]
        responding = asked.target.endswith("/responses")
        plain = "responses/tool_call" if "tools" in body else "responses/plain"
        recorded = (STREAMS / f"{plain if responding else self.vendor.stream}.sse").read_bytes()
        wanted = able.said(body)
        return streamed(recorded if wanted is None else able.retold(recorded, wanted))


WHOLE: Final = {
    "id": "c-1",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1},
}


def streamed(body: bytes, **headers: str) -> Sequence[bytes]:
    """Return a stream in the chunked coding, cut where no event ends."""
    told = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked", **headers}
    pieces = [chunk(body[at : at + 97]) for at in range(0, len(body), 97)]
    return [head(told), *pieces, chunk(b"")]


def refusal(status: str, headers: Mapping[str, str] | None = None, **error: Any) -> bytes:
    return answer(json.dumps({"error": error}).encode(), status=status, headers=headers)


async def probe(
    provider: str, cloud: Cloud, kind: Kind = "chat", secrets: FakeSecrets | None = None, **of: Any
) -> ProbeResult:
    """Return what one probe of a vendor on loopback says, through the real transport; `of` are fields of the target."""
    known = secrets or FakeSecrets({"KEY": KEY})
    target = Target(
        name="bank",
        provider=provider,
        cloud="c",
        model="m",
        model_id="the-model",
        endpoint="",
        group="m",
        credentials={"api_key": "${KEY}"},
        path=Path(proxy="none"),
    )
    workload = Workload(
        name=kind, kind=kind, reasoning="low", first_token_s=20.0, stall_s=20.0, timeout_s=30.0
    )
    wire = WireTransport()
    exchange = Exchange(wire, known, SystemClock(), uuid.uuid4, "v", lambda _start, _end: 0.0)
    try:
        async with WireServer(cloud.script) as server:
            asked = dataclasses.replace(target, **{"endpoint": server.url + cloud.vendor.prefix, **of})
            return await exchange.ask(asked, workload, Slot(1, 0))
    finally:
        await wire.aclose()
