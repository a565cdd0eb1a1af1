"""Why a receiver was not reached, in words of ours: a failure's own text may hold its URL, which may be the secret."""

import os
import socket
import ssl
from collections.abc import Iterator


def why(failure: BaseException) -> str:
    """Return what is known of it: the first of its causes that says, else the name of its kind.

    >>> why(ConnectionRefusedError(111, "to https://secret")), why(RuntimeError("https://secret"))
    ('Connection refused', 'RuntimeError')
    >>> outer = OSError("all attempts failed")
    >>> outer.__cause__ = socket.gaierror(-2, "Name or service not known")
    >>> why(outer), why(ssl.SSLCertVerificationError(1, "self-signed")), why(ssl.SSLError(1, "wrong version number"))
    ('its name is not resolved', 'its certificate is not trusted', 'TLS failed')
    """
    return next(filter(None, map(_said, _causes(failure))), type(failure).__name__)


def _said(failure: BaseException) -> str:
    match failure:
        case TimeoutError():
            return "took too long"
        case socket.gaierror():
            return "its name is not resolved"
        case ssl.SSLCertVerificationError():
            return "its certificate is not trusted"
        case ssl.SSLError():
            return "TLS failed"
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number)
        case _:
            return ""


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """Yield a failure and what led to it, the newest first."""
    left, known = [failure], set[int]()
    while left:
        one = left.pop(0)
        if id(one) in known:
            continue
        known.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            left += one.exceptions
        left += [cause for cause in (one.__cause__, one.__context__) if cause is not None]
