"""A real PostgreSQL that a test may stop, start and kill, and databases cloned from one that is migrated."""

import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from services.demo.postgres import EmbeddedPostgres
from services.demo.unprivileged import run_as, server_user
from services.storage.migrate import migrate
from tests.parts.waiting import until

# Two systems with two of each take 160 connections and more: 34 for an `anhu alerts` alone.
# A killed server loses nothing that the operating system already took; only a machine that dies would.
# The last three make a clone of the template a copy of its files, which costs a third.
SETTINGS = {
    "fsync": "off",
    "max_connections": "500",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "file_copy_method": "clone",
}
TEMPLATE = "anhu_template"


class PostgresServer:
    """The embedded PostgreSQL in the foreground; `url(database)` stays the same over stops and starts."""

    def __init__(self, directory: Path, settings: Mapping[str, str] = SETTINGS) -> None:
        self.log = directory.with_name(directory.name + ".log")
        self._cluster = EmbeddedPostgres(directory, server_user(), settings)
        self._cluster.initialize()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        return self._cluster.url(database)

    @property
    def pid(self) -> int:
        """The postmaster's."""
        assert self._process is not None, "the server is stopped"
        return self._process.pid

    def start(self) -> None:
        """Starts, unless it runs, and waits until it answers."""
        if self._process is not None:
            return
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self._cluster.command,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                **run_as(self._cluster.user),
            )
        self._process = process

        def ready() -> bool:
            assert process.poll() is None, self.log.read_text("utf-8")[-2000:]
            return self._cluster.is_ready()

        until(ready, f"PostgreSQL answers ({self.log})", limit=30)

    def stop(self) -> None:
        """A fast shutdown: connections are cut, everything committed is on disk."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """kill -9 of the postmaster; its children notice and end too."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None


def make_template(server_url: str) -> None:
    """A migrated database that fresh_database() clones. `server_url`: any database of that server."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    migrate(on_database(server_url, TEMPLATE))


@contextmanager
def fresh_database(server_url: str, template: str | None = TEMPLATE) -> Iterator[str]:
    """The URL of a database of one's own, cloned from `template` (None: an empty one), dropped at the end."""
    name = f"anhu_{secrets.token_hex(6)}"
    clone = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        clone += sql.SQL(" TEMPLATE {} STRATEGY file_copy").format(sql.Identifier(template))
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(clone)
    try:
        yield on_database(server_url, name)
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def on_database(url: str, name: str) -> str:
    """The same server's URL with another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
