"""The grammar of references inside one scalar: `${NAME}`, `${NAME:-default}`, `${file:/path}`; `$$` is a dollar."""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

from agent.config.findings import BadValueError

_PIECE = re.compile(r"\$\$|\$\{([^{}]*)\}|\$\{")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """`name` is of an environment variable, or the absolute path of a file."""

    name: str
    file: bool = False
    default: str | None = None

    def value(self, environ: Mapping[str, str]) -> str:
        """Return what it stands for now; LookupError carries a sentence that names it and the remedy."""
        if not self.file:
            found = environ.get(self.name) or self.default
            if not found and self.default is None:
                state = "is empty" if self.name in environ else "is not set"
                raise LookupError(f"the environment variable {self.name} {state}; set it, or give a default")
            return found or ""
        try:
            text = Path(self.name).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = (
                error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
            )
            raise LookupError(
                f"the file {self.name} cannot be read ({reason}); write it, or mend path and permission"
            ) from None
        secret = text.removesuffix("\n").removesuffix("\r")
        if not secret:
            raise LookupError(f"the file {self.name} is empty; write the secret into it")
        return secret


def pieces(text: str) -> list[str | Reference]:
    """Return literal texts and references in order; BadValueError carries the sentence.

    >>> pieces("Bearer ${KEY:-none}$$")
    ['Bearer ', Reference(name='KEY', file=False, default='none'), '$']
    """
    found: list[str | Reference] = []
    end = 0
    for match in _PIECE.finditer(text):
        found += [text[end : match.start()], "$" if match[0] == "$$" else _reference(match[1])]
        end = match.end()
    return [piece for piece in (*found, text[end:]) if piece != ""]


def references(text: str) -> list[Reference]:
    return [piece for piece in pieces(text) if isinstance(piece, Reference)]


def literal(text: str) -> str:
    """Return a text in which references are refused, `$$` made a dollar; BadValueError carries the sentence."""
    found = pieces(text)
    if any(isinstance(piece, Reference) for piece in found):
        raise BadValueError("a reference may not stand here, for this text is shown everywhere; write it out")
    return "".join(str(piece) for piece in found)


def _reference(inside: str | None) -> Reference:
    if inside is None:
        raise BadValueError("`${` is never closed; write ${NAME}, or $${ for the characters themselves")
    if inside.startswith("file:"):
        path = inside.removeprefix("file:")
        if not path.startswith("/") or "\0" in path:
            raise BadValueError(f"`${{{inside}}}` needs an absolute path, as in ${{file:/run/secrets/key}}")
        return Reference(path, file=True)
    if inside.startswith("secret:"):
        raise BadValueError(
            f"`${{{inside}}}`: not yet: this version has no secrets.dir; write ${{file:/path}} instead"
        )
    match = _NAME.fullmatch(inside)
    if match is None:
        # What stands between the braces is not quoted: newcomers paste the key itself there.
        raise BadValueError("`${...}` does not hold a name; write ${NAME}, ${NAME:-default} or ${file:/path}")
    return Reference(match[1], default=match[2])
