"""How events are written."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from agent import log


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave logging as it was found."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def written(log_format: str = "json", level: str = "info", **more: object) -> io.StringIO:
    stream = io.StringIO()
    log.configure(log_format, level, stream=stream, **more)  # type: ignore[arg-type]
    return stream


def failed(why: str) -> None:
    try:
        int(why)
    except ValueError:
        structlog.get_logger("x").exception("failed")


def test_an_event_is_one_json_object_with_a_stable_action_and_a_utc_instant() -> None:
    stream = written()
    structlog.get_logger("parent").info("child.started", child="asker")
    event = json.loads(stream.getvalue())
    assert event.pop("timestamp").endswith("Z")
    assert event == {"action": "child.started", "child": "asker", "level": "info", "logger": "parent"}


def test_a_text_event_has_the_same_facts_and_no_colours_in_a_pipe() -> None:
    stream = written("text")
    structlog.get_logger("parent").warning("child.died", exit_code=1)
    line = stream.getvalue()
    assert "child.died" in line
    assert "exit_code=1" in line
    assert "\x1b" not in line


def test_levels_below_the_chosen_one_are_silent() -> None:
    stream = written(level="warning")
    structlog.get_logger("parent").info("child.started")
    assert stream.getvalue() == ""


def test_a_librarys_words_get_an_action_and_are_heard_from_warning_upwards() -> None:
    stream = written()
    logging.getLogger("library").info("chatter")
    logging.getLogger("library").warning("careful: %s", "x")
    event = json.loads(stream.getvalue())
    assert (event["action"], event["message"], event["logger"]) == ("library.said", "careful: x", "library")


def test_no_secret_passes_whatever_brought_it() -> None:
    """A field, an exception's text and a library's message are blotted alike, in any format."""
    for log_format in log.FORMATS:
        stream = written(log_format, "debug", redact=lambda text: text.replace("sk-planted", "[redacted]"))
        structlog.get_logger("x").info("did", url="https://u:sk-planted@h", nested={"a": ["sk-planted"]})
        logging.getLogger("library").warning("with sk-planted")
        failed("about sk-planted")
        assert "sk-planted" not in stream.getvalue()
        assert stream.getvalue().count("[redacted]") >= 4


def test_a_traceback_is_written_at_debug_alone() -> None:
    for level, wanted in (("info", False), ("debug", True)):
        stream = written(level=level)
        failed("why")
        event = json.loads(stream.getvalue())
        assert ("Traceback" in event.get("exception", "")) is wanted
        assert wanted or event["error"] == "ValueError"


def test_configuring_again_replaces_our_handler_only() -> None:
    first, second = written(), written()
    structlog.get_logger("x").info("once")
    assert (first.getvalue(), second.getvalue().count("once")) == ("", 1)


@pytest.mark.parametrize("log_format", log.FORMATS)
def test_a_traceback_shows_no_local_variables(log_format: str) -> None:
    """They hold secrets, and a secret that was cut to fit a line is not found by redaction."""
    stream = written(log_format, level="debug")
    failed("-".join(("sk", "local", "key" * 40)))
    lines = stream.getvalue().replace("sk-local-" + "key" * 40, "")  # int() quotes what it was given, whole
    assert "Traceback" in lines
    assert "sk-local" not in lines
