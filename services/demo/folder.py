"""The demo's folder: where everything is kept, for one demo at a time."""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from services.broker.passwords import ALPHABET, new_secret
from services.demo.errors import DemoError
from services.registry.sealing import new_key

# An empty cluster takes 60 MB, its first write-ahead log as much again.
NEEDED_BYTES = 300 * 1024 * 1024


class DemoFolder:
    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.logs = self.path / "logs"
        self.broker = self.path / "broker"
        self.postgres = self.path / "postgres"
        self.fleet = self.path / "demo.json"
        self.processes = self.path / "processes.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the folder and keeps it for ourselves.

        Raises DemoError when it is another demo's, cannot be written, or has too little room.
        """
        try:
            self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.path / "lock").open("a+")
        except OSError as error:
            raise DemoError(f"cannot write in {self.path} ({error.strerror}): choose another --data-dir") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise DemoError(
                    f"another demo (process {lock.read().strip()}) runs in {self.path}:"
                    " stop it, or choose another --data-dir"
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            free = shutil.disk_usage(self.path).free
            if free < NEEDED_BYTES:
                raise DemoError(
                    f"only {free // 1024**2} MB are free where {self.path} is, and a demo needs"
                    f" {NEEDED_BYTES // 1024**2}: make room, or choose another --data-dir"
                )
            yield

    def write_fleet(self, fleet: Mapping[str, object]) -> None:
        """demo.json: passwords are in it, so it is for its owner only."""
        write_private(self.fleet, json.dumps(fleet, ensure_ascii=False, indent=1) + "\n")


class Keys:
    """The demo's passwords, made when first asked for and kept; the database has only their hashes."""

    def __init__(self, path: Path) -> None:
        kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
        self._path = path
        self._passwords: dict[str, str] = kept.get("passwords", {})
        self._hashes: dict[str, str] = kept.get("hashes", {})

    def secret(self, name: str) -> str:
        """Of a device or a service account."""
        return self._passwords.setdefault(name, new_secret())

    def signing_key(self) -> str:
        """What access tokens are signed with."""
        return self._passwords.setdefault("ANHU_SECRET_KEY", secrets.token_urlsafe(48))

    def data_key(self) -> str:
        """What identity numbers are sealed with."""
        return self._passwords.setdefault("ANHU_DATA_KEYS", new_key("demo"))

    def password(self, name: str) -> str:
        """Of a person, who has to type it: three groups of four, 59 bits."""
        groups = ("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(3))
        return self._passwords.setdefault(name, "-".join(groups))

    def hash_of(self, name: str, make: Callable[[str], str]) -> str:
        """The hash of a secret or password that was asked for before: the same one at every start."""
        if name not in self._hashes:
            self._hashes[name] = make(self._passwords[name])
        return self._hashes[name]

    def save(self) -> None:
        kept = {"passwords": self._passwords, "hashes": self._hashes}
        write_private(self._path, json.dumps(kept, indent=1) + "\n")


def write_private(target: Path, text: str) -> None:
    """A file for its owner only, whole or not at all."""
    unfinished = target.with_name(f".{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with open(unfinished, "x", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(target)
