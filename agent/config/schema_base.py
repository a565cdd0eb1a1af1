"""What every map of the file is, and what several of them hold."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from agent.config.fields import (
    one_of,
)


class Section(BaseModel):
    """A map of the file.

    `later` names keys that this version refuses with "not yet"; `before` names those that expansion has taken out
    already; `elsewhere` tells of words that newcomers write here, and what is meant.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    later: ClassVar[frozenset[str]] = frozenset()
    before: ClassVar[frozenset[str]] = frozenset()
    elsewhere: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def keys(cls) -> frozenset[str]:
        """Return the keys as the file says them."""
        return cls.before | {field.alias or name for name, field in cls.model_fields.items()}


class Count429(Section):
    throttled: Annotated[Literal["excluded", "bad"] | None, BeforeValidator(one_of("excluded", "bad"))] = None
