"""nephoscope's transport alone: what the wire costs of an exchange, its events not parsed."""

import time
import uuid

import httpx
from asking import BODY, Ask, Close, Order
from errors import Reported

from probes.base import MARKS, PATH, READS
from probes.target import Path
from probes.timing import SENT, Marks
from probes.transport.wire import WireTransport

TOKEN = b'"content":"'


def make(order: Order) -> tuple[Ask, Close]:
    secure = order.client.endswith("TLS")
    transport = WireTransport()
    path = Path(proxy="none", ca=order.ca if secure else None)
    transport.warm_up([path])
    scheme, port = ("https", order.tls_port) if secure else ("http", order.port)
    url = httpx.URL(f"{scheme}://127.0.0.1:{port}/v1/chat/completions?{order.query}")

    async def ask() -> Reported:
        identity, marks = str(uuid.uuid4()), Marks()
        request = httpx.Request(
            "POST", url, headers={"x-request-id": identity}, json=BODY, extensions={MARKS: marks, PATH: path}
        )
        response = await transport.handle_async_request(request)
        reads, tokens = response.extensions[READS], []
        async for data in response.stream:  # type: ignore[union-attr] # an asynchronous one, as the transport's are
            # The first event, which opens the stream, has a content that is empty.
            tokens += [reads[-1].at_ns] * (data.count(TOKEN) - data.count(TOKEN + b'"'))
        end_ns = reads[-1].at_ns if reads else time.monotonic_ns()
        await response.aclose()
        return Reported(identity, marks.at[SENT], tokens, end_ns)

    return ask, transport.aclose
