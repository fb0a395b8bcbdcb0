"""Which port to listen on."""

import errno
import socket

from services.demo.errors import DemoError

HIGHEST = 65535


def choose_port(asked: int | None, usual: int, option: str, taken: frozenset[int] = frozenset()) -> int:
    """The port asked for; without one `usual`, or the next above it that is free; 0 is any free one.

    taken: ports that are given away already, though nobody listens yet. option: how the port was asked for.
    Raises DemoError when it cannot be had.
    """
    if asked is None:
        for port in range(usual, HIGHEST + 1):
            if port not in taken and _why_not(port) is None:
                return port
        raise DemoError(f"no free port from {usual} up: name one with {option}")
    if asked == 0:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])
    if not 0 < asked <= HIGHEST:
        raise DemoError(f"{option} {asked} is not a port: 1 to {HIGHEST}, or 0 for any free one")
    if asked in taken:
        raise DemoError(f"{option} {asked} is also the other port's: name two different ones")
    if reason := _why_not(asked):
        raise DemoError(f"{option} {asked}: {reason}; stop what uses it, or name another port")
    return asked


def _why_not(port: int) -> str | None:
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return "something else listens on that port"
            if error.errno == errno.EACCES:
                return "only root may listen on that port"
            raise
    return None
