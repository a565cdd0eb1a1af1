"""The truth server of the calibration, a process of its own: `python -m agent.calibration [--file FILE]`.

It streams tokens on loopback, plain and with TLS, and tells afterwards when it wrote each:

- `POST /v1/chat/completions` streams in OpenAI's format. 20 tokens, or `tokens`, `max_tokens` at most; the
  first after 50 ms (`first_ms`), the others 20 ms apart (`gap_ms`): in the query or in the body.
- `GET /truth/ID`, the answer's `x-request-id` (the request's own, where it has one), says when the request
  came (by the kernel's stamp on Linux), and for each token and the ending the monotonic instants before and after the write.

One JSON line on standard output, or a file that appears whole, says where: `{"port", "tls_port", "ca"}`. It
ends when its standard input does.
"""

import argparse
import gc
import os
import signal
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent.calibrating.place import Place
from agent.calibrating.server import Server

HERE: Final = Path(__file__).parent / "calibrating"


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until standard input ends or SIGTERM comes."""
    parser = argparse.ArgumentParser(prog="agent.calibration")
    parser.add_argument("--file", type=Path, help="where to say the ports, in place of standard output")
    file: Path | None = parser.parse_args(argv).file
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / "loopback.pem")
    server = Server(context)
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    # A signal must wake the wait: Python goes on with a system call that a handler interrupted.
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    server.watch(reader, lambda: None)
    try:
        server.watch(sys.stdin.fileno(), lambda: _listen(server))
    except PermissionError:  # a file, or /dev/null: such an input has ended before it began
        return 0
    gc.freeze()
    _tell(server, file)
    try:
        server.run()
    finally:
        server.close()
        if file is not None:
            file.unlink(missing_ok=True)
    return 0


def _listen(server: Server) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        server.stop()


def _tell(server: Server, file: Path | None) -> None:
    line = Place(server.port, server.tls_port, str(HERE / "ca.pem")).line()
    if file is None:
        sys.stdout.write(line)
        sys.stdout.flush()
        return
    new = file.with_suffix(".new")
    new.write_text(line)
    new.replace(file)


if __name__ == "__main__":
    sys.exit(main())
