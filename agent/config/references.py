"""The grammar of references inside one scalar; `$$` is a dollar.

`${NAME}`, `${NAME:-default}`, `${file:/path}` and `${secret:a/b}`, a file under the folder of secrets.
"""

import dataclasses
import re
from typing import Literal

from agent.config.findings import BadValueError

_PIECE = re.compile(r"\$\$|\$\{([^{}]*)\}|\$\{")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """`name` is that of an environment variable, a file's absolute path, or one within the folder of secrets."""

    name: str
    kind: Literal["variable", "file", "secret"] = "variable"
    default: str | None = None

    def __str__(self) -> str:
        """Return it as it stands in a file.

        >>> print(Reference("KEY", default="none"), Reference("openai/api_key", "secret"))
        ${KEY:-none} ${secret:openai/api_key}
        """
        kind = "" if self.kind == "variable" else f"{self.kind}:"
        default = "" if self.default is None else f":-{self.default}"
        return f"${{{kind}{self.name}{default}}}"


def pieces(text: str) -> list[str | Reference]:
    """Return literal texts and references in order; BadValueError carries the sentence.

    >>> pieces("Bearer ${KEY:-none}$$")
    ['Bearer ', Reference(name='KEY', kind='variable', default='none'), '$']
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
        return Reference(path, "file")
    if inside.startswith("secret:"):
        path = inside.removeprefix("secret:")
        if not path.isprintable() or not {"", ".", ".."}.isdisjoint(path.split("/")):
            raise BadValueError(
                f"`${{{inside}}}` does not name a file under secrets.dir; write its path from there, "
                "as in ${secret:openai/api_key}"
            )
        return Reference(path, "secret")
    match = _NAME.fullmatch(inside)
    if match is None:
        # What stands between the braces is not quoted: newcomers paste the key itself there.
        raise BadValueError(
            "`${...}` does not hold a name; write ${NAME}, ${NAME:-default}, ${file:/path} or ${secret:a/b}"
        )
    return Reference(match[1], default=match[2])
