"""`anhu broker`: writes Mosquitto's password and rights files as the tables say, and has it read them.

It runs where the broker runs. NOTIFY `anhu_broker` is a hint; a sweep finds what no hint told. A reload holds up every
client of the broker (docs/adr/0009-one-round.md), so a change is written at once when all was quiet, and what changes
within `every` seconds after it is gathered.
"""

import logging
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from services.broker.accounts import GATEWAY, ServiceAccount, fit_for_file
from services.broker.mosquitto import BrokerDirectory, reload, running_broker
from services.broker.tls_files import unfit_certificates
from services.runtime.beats import Heart, Pulse

log = logging.getLogger(__name__)

#: What one administrator does in a row is one write; too short for anybody to wait for.
GATHER_SECONDS = 0.2
SWEEP_SECONDS = 30.0
_TURN_SECONDS = 0.5
#: The loop turns each half second, and writes 100,000 accounts in about one.
_STUCK_SECONDS = 15.0

# One statement, so one moment: a name is never seen in both tables.
_WHO = """
SELECT 'device', device_id, credential_hash, NULL::text[] FROM devices
WHERE credential_hash IS NOT NULL AND revoked_at IS NULL
UNION ALL SELECT 'revoked', device_id, NULL, NULL FROM devices WHERE revoked_at IS NOT NULL
UNION ALL SELECT 'service', username, credential_hash, rights FROM service_accounts WHERE revoked_at IS NULL
ORDER BY 1, 2
"""


class UnfitCertificatesError(Exception):
    """The text says which file, and why."""


@dataclass(frozen=True, slots=True)
class Written:
    devices: int
    services: int
    left_out: list[str]
    changed: bool


def write_files(
    connection: psycopg.Connection[Any], directory: BrokerDirectory, gateway_reads: Sequence[str] = ()
) -> Written:
    """Both files as the tables are now. `gateway_reads` are the topics of other makers' devices, which the sources file
    names and no table. Raises OSError when the files cannot be written."""
    devices: list[tuple[str, str]] = []
    revoked: list[str] = []
    services: list[ServiceAccount] = []
    for kind, name, credential_hash, rights in connection.execute(_WHO):
        if kind == "device":
            devices.append((name, credential_hash))
        elif kind == "revoked":
            revoked.append(name)
        else:
            reads = [f"read {topic}" for topic in gateway_reads] if name == GATEWAY else []
            services.append(ServiceAccount(name, credential_hash, (*rights, *reads)))
    fit_devices, fit_services, left_out = fit_for_file(devices, services)
    changed = directory.write_accounts(fit_devices, fit_services, revoked)
    return Written(len(fit_devices), len(fit_services), left_out, changed)


class Follower:
    """Keeps one broker's files as the tables are, until stop()."""

    def __init__(
        self,
        database_url: str,
        directory: BrokerDirectory,
        pid_file: Path,
        every: float,
        gateway_reads: Sequence[str] = (),
    ) -> None:
        self._url, self._directory, self._pid_file, self._every = database_url, directory, pid_file, every
        self._gateway_reads = gateway_reads
        self._ended = threading.Event()
        self._pulse = Pulse()
        self._database_ok = self._files_ok = False
        self._told: int | None = None  # the broker that has read the files as they are
        self._unfit: str | None = None
        self._written: Written | None = None
        self._writes = self._reloads = 0

    def status(self) -> dict[str, Any]:
        """For the heart."""
        stuck = self._pulse.age() > _STUCK_SECONDS
        written = self._written
        return {
            "ok": self._database_ok and self._files_ok and self._told is not None and not stuck,
            "database": "connected" if self._database_ok else "disconnected",
            "files": "written" if self._files_ok else "not written",
            "broker": "told" if self._told is not None else "not told",
            "certificates": self._unfit,
            "stuck": stuck,
            "devices": written.devices if written else 0,
            "left_out": len(written.left_out) if written else 0,
            "counters": {"writes": self._writes, "reloads": self._reloads},
        }

    def stop(self) -> None:
        self._ended.set()

    def run(self) -> None:
        """Until stop(); an outage of the database, the broker or the disk is waited out, and told once."""
        while not self._ended.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
                    connection.execute("LISTEN anhu_broker")
                    log.info("following the device table in %s", self._directory.path)
                    self._follow(connection)
            except psycopg.Error as error:
                if self._database_ok:
                    log.error("no connection to the database, trying again each second: %s", str(error).strip())
                self._database_ok = False
                self._pulse.beat()
                self._ended.wait(1.0)

    def _follow(self, connection: psycopg.Connection[Any]) -> None:
        due = time.monotonic()  # at once: what happened while nobody listened has no hint
        earliest = due
        while not self._ended.is_set():
            self._pulse.beat()
            now = time.monotonic()
            if now >= due:
                changed = self._write(connection)
                self._database_ok = True
                now = time.monotonic()
                earliest = now + self._every if changed else earliest
                due = now + (SWEEP_SECONDS if self._files_ok else self._every)
            self._tell()
            patience = max(0.0, min(due - time.monotonic(), _TURN_SECONDS))
            if any(True for _ in connection.notifies(timeout=patience, stop_after=1)):
                due = min(due, max(earliest, time.monotonic() + GATHER_SECONDS))

    def _write(self, connection: psycopg.Connection[Any]) -> bool:
        try:
            written = write_files(connection, self._directory, self._gateway_reads)
        except OSError as error:
            if self._files_ok or self._written is None:
                log.error("cannot write in %s, trying again: %s", self._directory.path, error)
            self._files_ok = False
            return False
        before = self._written
        if written.left_out and (before is None or before.left_out != written.left_out):
            log.error(
                "%d accounts are left out, their hashes are not Mosquitto's or their names are taken: %s",
                len(written.left_out),
                ", ".join(written.left_out[:10]),
            )
        self._written, self._files_ok = written, True
        if written.changed:
            self._writes += 1
            self._told = None
            log.info("%d devices and %d service accounts may sign in", written.devices, written.services)
        return written.changed

    def _tell(self) -> None:
        """Has a broker read the files that has not: also one that was started since, perhaps before they were
        written."""
        pid = running_broker(self._pid_file)
        if pid is None:
            if self._told is not None:
                log.error("no broker runs under %s", self._pid_file)
            self._told = None
        elif pid != self._told and self._files_ok:
            unfit = unfit_certificates(self._directory.conf, self._directory.owner)
            if unfit != self._unfit and unfit:
                log.error("Mosquitto is not told to read its files: it would let nobody in by TLS any more: %s", unfit)
            self._unfit = unfit
            if unfit:
                return
            try:
                reload(pid)
            except OSError as error:
                log.error("the broker, process %d, cannot be told: %s", pid, error)
                return
            self._told = pid
            self._reloads += 1


def run(
    database_url: str, directory: BrokerDirectory, pid_file: Path, every: float, gateway_reads: Sequence[str] = ()
) -> None:
    """Until SIGTERM or SIGINT."""
    follower = Follower(database_url, directory, pid_file, every, gateway_reads)
    heart = Heart("broker", database_url, follower.status)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: follower.stop())
    heart.start()
    follower.run()
    heart.stop()


def run_once(
    database_url: str, directory: BrokerDirectory, pid_file: Path, gateway_reads: Sequence[str] = ()
) -> Written:
    """Writes, tells a running broker if anything changed, and returns. Raises UnfitCertificatesError when it is not
    told because it could not read its certificates again."""
    with psycopg.connect(database_url, autocommit=True, connect_timeout=5) as connection:
        written = write_files(connection, directory, gateway_reads)
    if written.changed and (pid := running_broker(pid_file)) is not None:
        if unfit := unfit_certificates(directory.conf, directory.owner):
            raise UnfitCertificatesError(unfit)
        reload(pid)
    return written
