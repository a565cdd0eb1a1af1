"""What targets are asked as: a name for their credentials, which never says what they are. Pure."""

import hashlib
import re
from typing import Final

from probes.target import Target

_REFERENCE: Final = re.compile(r"\$\{(\w+|(file|secret):[^}$]+)\}")

TURNED: Final = 3
"""So many refusals in a row are no accident."""

LATELY_NS: Final = 86_400 * 1_000_000_000
"""An identity that was accepted within this time before it was refused has turned; any other may never have worked."""


def identity(target: Target) -> str:
    """Return a name for the credentials: a reference as it is written, of anything else no more than a digest."""
    if not target.credentials:
        return ""
    key, value = next(iter(target.credentials.items()))
    if _REFERENCE.fullmatch(value):
        return f"credentials.{key} ({value})"
    digest = hashlib.blake2b(value.encode(), digest_size=4).hexdigest()
    return f"credentials.{key} #{digest}"
