"""Free ports on this machine."""

import itertools
import os
import random
import socket

#: Below those that systems give to outgoing connections (Linux 32768, macOS and Windows 49152): one of them would be
#: taken again between the look and the use. Each worker of a test run has ports of its own.
_FIRST, _EACH = 20_000, 1_500
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
_next = itertools.count(random.randrange(_EACH))


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now, and that was not given out lately."""
    for _ in range(_EACH):
        port = _FIRST + _WORKER * _EACH + next(_next) % _EACH
        with socket.socket() as probe:
            # As servers do: a port whose last connections are dying away is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port from {_FIRST} on")


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
