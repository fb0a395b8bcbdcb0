"""The demo's database: the server that ANHU_DATABASE_URL names, or one of our own."""

import os

import psycopg

from services.demo.errors import DemoError
from services.demo.folder import DemoFolder
from services.demo.postgres import EmbeddedPostgres
from services.demo.progress import say, step
from services.demo.supervise import Program, Supervisor
from services.demo.unprivileged import USERNAME, server_user

NAME = "anhu"
START_SECONDS = 60.0  # after a crash it first replays its log


def start_database(supervisor: Supervisor, folder: DemoFolder) -> str:
    """The URL of a database that answers.

    Raises DemoError or psycopg.OperationalError when it cannot be had.
    """
    if url := os.environ.get("ANHU_DATABASE_URL"):
        with step("your database, of ANHU_DATABASE_URL"):
            _try(url)
        return url
    cluster = EmbeddedPostgres(folder.postgres, server_user())
    with step("PostgreSQL"):
        widened = [one for one in cluster.initialize() if not one.is_relative_to(folder.path)]
        supervisor.check_stopped()
        server = supervisor.start(
            Program(
                "postgres",
                cluster.command,
                {},
                cluster.user,
                stop_seconds=30.0,
                stop_signal=cluster.stop_signal,
            )
        )
        supervisor.wait_for(cluster.is_ready, "PostgreSQL does not answer", START_SECONDS, without=server)
        cluster.ensure_database(NAME)
    for path in widened:
        say(f"  (the user {USERNAME}, as which the servers run, may now pass through {path})")
    return cluster.url(NAME)


def _try(url: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            connection.execute("SELECT 1")
    except psycopg.ProgrammingError as error:
        raise DemoError(f"ANHU_DATABASE_URL is no PostgreSQL URL ({str(error).strip()})") from error
