"""Configurations read from a text, on a host that is the same everywhere."""

from collections.abc import Mapping
from pathlib import Path

from agent.config.context import Host
from agent.config.read import Loaded, read_text
from agent.errors import ConfigError

HOST = Host(name="box.example", home=Path("/home/sre"), root=False)
ENVIRON = {"OPENAI_API_KEY": "sk-planted-0123456789", "EMPTY": "", "BASE": "https://llm.example/v1"}
OPENAI = '{name: openai, provider: openai, model: gpt-5-nano, credentials: {api_key: "${OPENAI_API_KEY}"}}'
LOCAL = "{name: local, provider: vllm, model: tiny, endpoint: http://127.0.0.1:8000}"


def loaded(text: str, environ: Mapping[str, str] = ENVIRON, *, no_secrets: bool = False) -> Loaded:
    return read_text(text, Path("nephoscope.yaml"), environ, no_secrets=no_secrets, host=HOST)


def findings(text: str, environ: Mapping[str, str] = ENVIRON, *, no_secrets: bool = False) -> list[str]:
    """Return the errors that a text is refused with; none where it is usable."""
    try:
        loaded(text, environ, no_secrets=no_secrets)
    except ConfigError as error:
        return list(error.findings)
    return []
