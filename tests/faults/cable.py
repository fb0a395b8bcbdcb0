"""A cable between a process and a server, which a test cuts and mends."""

import contextlib
import select
import socket
import threading
from pathlib import Path
from typing import Self

Address = tuple[str, int] | str


class Cable:
    """Listens on a port of 127.0.0.1, or on a Unix socket when `path` says where, and forwards to `target`. Cut, it
    ends what is open and accepts nothing."""

    def __init__(self, target: Address, path: Path | None = None) -> None:
        self._target, self._path = target, path
        self._whole = threading.Event()
        self._whole.set()
        self._ended = threading.Event()
        self._open: set[socket.socket] = set()
        self._listener = self._listen()
        self.port: int = 0 if path else self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.cut()
        self._thread.join()

    def cut(self) -> None:
        self._whole.clear()
        self._listener.close()
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._listener = self._listen()
        self._whole.set()

    def _listen(self) -> socket.socket:
        if self._path is None:
            return socket.create_server(("127.0.0.1", getattr(self, "port", 0)))
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen()
        return listener

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                if not self._whole.wait(0.1) or not select.select([self._listener], [], [], 0.1)[0]:
                    continue
                near, _ = self._listener.accept()
            except (OSError, ValueError):
                continue  # cut meanwhile
            far = socket.socket(socket.AF_UNIX if isinstance(self._target, str) else socket.AF_INET)
            try:
                far.connect(self._target)
            except OSError:
                near.close()
                continue
            self._open |= {near, far}
            threading.Thread(target=self._forward, args=(near, far), daemon=True).start()

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with contextlib.suppress(OSError), near, far:
            while True:
                for end in select.select([near, far], [], [])[0]:
                    data = end.recv(65536)
                    if not data:
                        self._open -= {near, far}
                        return
                    other[end].sendall(data)
