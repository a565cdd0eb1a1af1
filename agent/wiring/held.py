"""Which configuration holds for what in the teller, and the secrets that it names."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import structlog

from agent.config.model import Config
from agent.config.plan_file import read_plan
from agent.config.secrets import Secrets
from agent.errors import NephoscopeError
from probes.base import SigningError

logger = structlog.get_logger("teller")


class Held:
    """The parent's word (`config`) and the plan that the journal is at (`current`).

    What is counted and evaluated follows the journal: at first the plan that held when the last process ended, then
    each plan as its record is read. Addresses and the database are those of the start, for the parent takes no other;
    heartbeat and retention follow the parent's word.
    """

    def __init__(
        self, config: Config, secrets: Secrets, state: Path, redact: Callable[[Secrets], None]
    ) -> None:
        self.config = config
        self.current = config
        self.secrets = secrets
        self._state = state
        self._redact = redact

    def configured(self, config_hash: str) -> Config | None:
        try:
            return read_plan(self._state, config_hash)
        except NephoscopeError:
            return None

    def switch(self, config: Config) -> None:
        """Judge by this plan, as the journal says."""
        self.current = config

    async def renew(self, config_hash: str) -> bool:
        """Follow the parent's word; return whether anything is another than before."""
        config = await asyncio.to_thread(self.configured, config_hash)
        if config is None or config == self.config:
            return False
        self.config = config
        if config.hash == self.current.hash:
            self.current = config
        self.secrets = Secrets.of(config, os.environ)
        self._redact(self.secrets)
        return True

    def database_url(self) -> str:
        """Return the named database's URL of now; empty where its secret cannot be read at this moment."""
        try:
            return self.secrets.resolve_url(self.config.storage.url or "")
        except SigningError as failure:
            logger.warning("database.secret_missing", reason=str(failure))
            return ""
