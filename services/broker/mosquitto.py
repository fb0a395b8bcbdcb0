"""Mosquitto's files: configuration, passwords and rights, each written whole or not at all."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from services.broker.accounts import ServiceAccount, password_text, rights_text

# Debian keeps daemons out of an ordinary user's PATH, Homebrew in two places of its own.
USUAL_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin")


def find_mosquitto() -> str | None:
    """The path of the broker's program, or None where it is not installed."""
    return shutil.which("mosquitto", path=os.pathsep.join((os.environ.get("PATH", ""), *USUAL_PLACES)))


def render_conf(*, listeners: str, password_file: Path, acl_file: Path, persistence: Path, log_dest: str) -> str:
    """Mosquitto's configuration. `listeners` and `log_dest` are in Mosquitto's own words."""
    template = Template((files("services.broker") / "mosquitto.conf").read_text("utf-8"))
    return template.substitute(
        listeners=listeners,
        password_file=password_file,
        acl_file=acl_file,
        persistence_location=f"{persistence}/",
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

    def make(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.owner:
            os.chown(self.path, *self.owner)

    def write_conf(self, port: int, host: str = "127.0.0.1") -> None:
        """The configuration of a broker for this machine alone, which logs to standard error."""
        self._write(
            self.conf,
            render_conf(
                listeners=f"listener {port} {host}",
                password_file=self.password_file,
                acl_file=self.acl_file,
                persistence=self.path,
                log_dest="stderr",
            ),
        )

    def write_accounts(self, devices: Iterable[tuple[str, str]], services: Iterable[ServiceAccount]) -> None:
        """Passwords and rights. A running broker goes by them after reload().

        devices: (device_id, credential_hash) of every device that may sign in, as table `devices` has them.
        Raises ValueError as password_text does.
        """
        services = tuple(services)
        self._write(self.acl_file, rights_text(services))
        self._write(self.password_file, password_text(devices, services))

    def command(self, program: str) -> list[str]:
        return [program, "-c", str(self.conf)]

    def _write(self, target: Path, text: str) -> None:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=self.path)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                if self.owner:
                    os.fchown(file.fileno(), *self.owner)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise


def reload(pid: int) -> None:
    """Makes a running broker read passwords and rights again; connected clients stay connected."""
    os.kill(pid, signal.SIGHUP)
