"""How pages are made of templates: always escaped, and what is not there is an error, not nothing."""

import functools
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from exporters import told, words


@functools.cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        each.__name__: each
        for each in (
            told.summary,
            words.ago,
            words.count,
            words.duration,
            words.goal,
            words.instant,
            words.lasting,
            words.latency,
            words.one_line,
            words.percent,
            words.usd,
        )
    }
    made.globals["digits_of"] = words.digits_of
    made.globals["own_error"] = words.own_error
    return made
