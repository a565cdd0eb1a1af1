"""How events are written: text or JSON on stderr, UTC, one stable action name each, and no secret in any."""

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")

OWN = "nephoscope"
"""Our loggers stand below this name, `get_logger("parent")` as `nephoscope.parent`; all others are foreign."""

_Event = MutableMapping[str, Any]


def configure(
    log_format: str = "text",
    level: str = "info",
    *,
    redact: Callable[[str], str] = str,
    stream: TextIO | None = None,
) -> None:
    """Send every event of ours and of libraries to the stream (stderr), each line through `redact`.

    A process calls it at its start, and again with `Secrets.redact` once it has secrets. Libraries are heard
    from warning upwards; tracebacks are written at level debug alone.
    """
    stream = stream or sys.stderr
    debug = level == "debug"
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(log_format, debug=debug, colours=stream.isatty(), redact=redact))
    root = logging.getLogger()
    for old in [known for known in root.handlers if isinstance(known.formatter, _Formatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if debug else logging.WARNING)
    logging.getLogger(OWN).setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(debug=debug),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=lambda *names: logging.getLogger(".".join((OWN, *names))),
        cache_logger_on_first_use=False,
    )


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Known by its class, so that only our own handler is ever replaced."""


def _formatter(log_format: str, *, debug: bool, colours: bool, redact: Callable[[str], str]) -> _Formatter:
    def blot(_logger: Any, _method: str, line: Any) -> str:
        # The last step of all: whatever a field, an exception or a library's message held is in the line now.
        return redact(str(line))

    render: list[Processor]
    if log_format == "json":
        render = [structlog.processors.EventRenamer("action"), structlog.processors.JSONRenderer(default=str)]
    else:
        # Plain: rich's traceback shows local variables, cut to a width, and no cut secret can be found again.
        plain = structlog.dev.plain_traceback
        render = [
            structlog.dev.ConsoleRenderer(
                colors=colours, pad_event_to=0, sort_keys=False, exception_formatter=plain
            )
        ]
    if log_format == "json":
        render.insert(0, structlog.processors.format_exc_info)
    return _Formatter(
        foreign_pre_chain=[_message, *_shared(debug=debug)],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render, blot],
    )


def _shared(*, debug: bool) -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _own_name,
        *([] if debug else [_no_traceback]),
    ]


def _own_name(_logger: Any, _method: str, event: _Event) -> _Event:
    event["logger"] = str(event["logger"]).removeprefix(f"{OWN}.")
    return event


def _message(_logger: Any, _method: str, event: _Event) -> _Event:
    """Give a library's free text an action name, and keep the text as its message."""
    event["message"] = event["event"]
    event["event"] = "library.said"
    return event


def _no_traceback(_logger: Any, _method: str, event: _Event) -> _Event:
    failure = event.pop("exc_info", None)
    if failure and "error" not in event:
        kind = (
            sys.exc_info()[0]
            if failure is True
            else failure[0]
            if isinstance(failure, tuple)
            else type(failure)
        )
        event["error"] = kind.__name__ if kind else None
    return event
