"""Mosquitto's files: configuration, passwords and rights, each written whole or not at all."""

import os
import shutil
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

import psutil

from services.broker.accounts import ServiceAccount, password_text, rights_text
from services.broker.whole_file import write_whole

_SETTLED_SECONDS = 30.0
# Debian keeps daemons out of an ordinary user's PATH, Homebrew in two places of its own.
USUAL_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin")


def find_mosquitto() -> str | None:
    """The path of the broker's program, or None where it is not installed."""
    return shutil.which("mosquitto", path=os.pathsep.join((os.environ.get("PATH", ""), *USUAL_PLACES)))


def render_conf(
    *, listeners: str, password_file: Path, acl_file: Path, persistence: Path, pid_file: Path, log_dest: str
) -> str:
    """Mosquitto's configuration. `listeners` and `log_dest` are in Mosquitto's own words."""
    template = Template((files("services.broker") / "mosquitto.conf").read_text("utf-8"))
    return template.substitute(
        listeners=listeners,
        password_file=password_file,
        acl_file=acl_file,
        persistence_location=f"{persistence}/",
        pid_file=pid_file,
        log_dest=log_dest,
    )


@dataclass(frozen=True)
class BrokerDirectory:
    """Where one broker keeps its files.

    `owner` is the (uid, gid) that the broker runs as, when that is not ourselves: it reads the files again on
    SIGHUP, long after it gave up being root, so they are given to it.
    """

    path: Path
    owner: tuple[int, int] | None = None

    @property
    def conf(self) -> Path:
        return self.path / "mosquitto.conf"

    @property
    def password_file(self) -> Path:
        return self.path / "passwords"

    @property
    def acl_file(self) -> Path:
        return self.path / "rights.acl"

    @property
    def pid_file(self) -> Path:
        return self.path / "mosquitto.pid"

    def make(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.owner:
            os.chown(self.path, *self.owner)

    def write_conf(self, port: int, host: str = "127.0.0.1", more_listeners: str = "") -> None:
        """The configuration of a broker for this machine alone, which logs to standard error."""
        self._write(
            self.conf,
            render_conf(
                listeners=f"listener {port} {host}\n{more_listeners}".rstrip(),
                password_file=self.password_file,
                acl_file=self.acl_file,
                persistence=self.path,
                pid_file=self.pid_file,
                log_dest="stderr",
            ),
        )

    def write_accounts(
        self, devices: Iterable[tuple[str, str]], services: Iterable[ServiceAccount], revoked: Iterable[str] = ()
    ) -> bool:
        """Passwords and rights; whether either differs from what was there. A running broker goes by them after
        reload().

        devices: (device_id, credential_hash) of every device that may sign in, as table `devices` has them; revoked:
        device_ids of those that may not any more. Raises ValueError as password_text does.
        """
        services = tuple(services)
        passwords = password_text(devices, services)
        rights_changed = self._write_changed(self.acl_file, rights_text(services, revoked))
        return self._write_changed(self.password_file, passwords) or rights_changed

    def command(self, program: str) -> list[str]:
        return [program, "-c", str(self.conf)]

    def _write_changed(self, target: Path, text: str) -> bool:
        try:
            if target.read_text("utf-8") == text:
                return False
        except FileNotFoundError:
            pass
        self._write(target, text)
        return True

    def _write(self, target: Path, text: str) -> None:
        write_whole(target, text.encode("utf-8"), owner=self.owner)


def reload(pid: int) -> None:
    """Makes a running broker read passwords and rights again, at once and while nobody else is served. It then asks
    every connected client's password again, and cuts off whose is not right any more; the others stay connected."""
    os.kill(pid, signal.SIGHUP)


def running_broker(pid_file: Path) -> int | None:
    """The process id in a pid file, when a SIGHUP to it does what it should. None when there is no such process, or it
    is not a Mosquitto (an old number that another process has by now), or one that is still reading its database and
    does not listen for signals yet: those SIGHUP would end."""
    try:
        pid = int(pid_file.read_text("ascii"))
        process = psutil.Process(pid)
        return pid if process.name().startswith("mosquitto") and _catches_hangup(process) else None
    except (OSError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def _catches_hangup(process: psutil.Process) -> bool:
    try:
        status = Path(f"/proc/{process.pid}/status").read_text("ascii", "replace")
    except OSError:  # no Linux: whoever runs for so long has read its database
        return time.time() - process.create_time() > _SETTLED_SECONDS
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGHUP - 1) & 1)
