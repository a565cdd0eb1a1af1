"""A configuration file's text, or the sentence that says why there is none."""

from pathlib import Path
from typing import Final

from agent.errors import ConfigError

MAX_BYTES: Final = 2 * 1024**2
"""500 targets written out are a tenth of this: a larger file is not a configuration."""


def content(path: Path) -> str:
    """Return the text of a file, or raise `ConfigError`."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ConfigError(
                f"{path}: is larger than {MAX_BYTES} bytes, so it is no configuration; name another file"
            )
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such file; name one with -c FILE or NEPHOSCOPE_CONFIG, or begin with examples/minimal.yaml"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{path}: cannot be read ({reason}); mend the path or its permission") from None
