"""Where the truth server is: one JSON line, on a pipe or in the state folder."""

import json
from pathlib import Path
from typing import NamedTuple, Self


class Place(NamedTuple):
    """Its ports on 127.0.0.1, and the file of the issuer that vouches for it.

    >>> Place.read(Place(1, 2, "ca.pem").line())
    Place(port=1, tls_port=2, ca='ca.pem')
    """

    port: int
    tls_port: int
    ca: str

    def line(self) -> str:
        return json.dumps(self._asdict()) + "\n"

    @classmethod
    def read(cls, line: str) -> Self:
        """Raises ValueError, KeyError or TypeError where it is no such line."""
        said = json.loads(line)
        return cls(int(said["port"]), int(said["tls_port"]), str(said["ca"]))


def file(state_dir: Path) -> Path:
    """Return the file that is there, whole, while the daemon's truth server runs."""
    return state_dir / "calibration.json"
