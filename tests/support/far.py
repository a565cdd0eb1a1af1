"""A network namespace at the end of a link of its own, which can be cut and mended: what lies beyond our way out."""

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_CLONE_NEWNET = 0x40000000
_NAMES = Path("/run/netns")


class Far:
    """`host` is its address, from the block for trials of networks (RFC 2544)."""

    def __init__(self) -> None:
        number = os.getpid()
        self.name = f"nephoscope-{number}"
        self.host = f"198.18.{number % 256}.2"
        self._near, self._end = f"neph{number}a", f"neph{number}b"
        self._gate = f"198.18.{number % 256}.1"

    def make(self) -> None:
        _ip("netns", "add", self.name)
        _ip("link", "add", self._near, "type", "veth", "peer", "name", self._end, "netns", self.name)
        _ip("address", "add", f"{self._gate}/30", "dev", self._near)
        _ip("link", "set", self._near, "up")
        _ip("-n", self.name, "address", "add", f"{self.host}/30", "dev", self._end)
        self.mend()

    def enter(self) -> None:
        """Move the calling thread there; sockets that it opens are of there."""
        with (_NAMES / self.name).open() as name:
            if ctypes.CDLL(None, use_errno=True).setns(name.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"entering {self.name}")

    def cut(self) -> None:
        """Take the far end of the link down: what is sent from here is lost, and nothing says so."""
        _ip("-n", self.name, "link", "set", self._end, "down")

    def mend(self) -> None:
        _ip("-n", self.name, "link", "set", self._end, "up")

    def remove(self) -> None:
        for words in (("link", "delete", self._near), ("netns", "delete", self.name)):
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip(*words)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@contextlib.contextmanager
def far() -> Iterator[Far]:
    """Yield one that is reached; skip where this machine does not let us make any."""
    if shutil.which("ip") is None:
        pytest.skip("there is no ip (iproute2) here")
    made = Far()
    try:
        try:
            made.make()
        except subprocess.CalledProcessError as failure:
            pytest.skip(f"no network namespace may be made here: {failure.stderr.strip()}")
        yield made
    finally:
        made.remove()
