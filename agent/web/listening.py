"""The socket that is listened on, or a sentence why not."""

import socket

from agent.errors import ConfigError


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket, or raise ConfigError where it cannot be had; port 0 takes a free one."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, UnicodeError) as failure:  # a name such as `a..b` cannot even be looked up
        reason = failure.strerror if isinstance(failure, OSError) else "it is no host's name"
        raise ConfigError(
            f"Cannot listen on {host}:{port} for /metrics ({reason}): "
            "end what holds the port, or name another with `export.listen`."
        ) from failure
