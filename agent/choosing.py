"""What a flag of the command line selects of the plan's targets."""

from agent.config import selecting
from agent.config.findings import BadValueError
from agent.config.model import Config
from agent.errors import ConfigError


def targets(config: Config, flag: str, text: str, otherwise: str = "") -> list[str]:
    """Return the names that a selector selects, in the plan's order, or raise ConfigError that names the flag.

    `otherwise` is what else can be done about an empty one.
    """
    if not text.strip():
        raise ConfigError(
            f"{flag}: is empty, so it selects nothing; name a target, a glob or a field=value{otherwise}"
        )
    views = [selecting.of(one) for one in config.targets]
    try:
        selector = selecting.words(text)
    except BadValueError as error:
        raise ConfigError(f"{flag} {text}: {error}") from None
    if faults := list(selecting.faults(selector, views)):
        raise ConfigError(*(f"{flag} {text}: {fault}" for fault in faults))
    return [view["name"] for view in views if selecting.selects(selector, view)]
