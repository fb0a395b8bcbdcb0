from pathlib import Path

import psycopg
import pytest

from services.demo.postgres import EmbeddedPostgres
from services.demo.unprivileged import server_user
from tests.parts.postgres import PostgresServer


@pytest.mark.parametrize("folder", ["x" * 120, "资料 with 'quotes', commas"], ids=["long", "odd"])
def test_any_folder_will_do(server_folder: Path, folder: str) -> None:
    server = PostgresServer(server_folder / folder / "postgres")
    server.start()
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SHOW data_directory").fetchone() == (
            str(server_folder / folder / "postgres"),
        )
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
    server.stop()


def test_nobody_else_reaches_it(own_postgres: PostgresServer, server_folder: Path) -> None:
    with psycopg.connect(own_postgres.url()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    socket = server_folder / "postgres" / ".s.PGSQL.5432"
    assert socket.stat().st_mode & 0o077 == 0


def test_starts_though_its_old_number_is_another_programs_now(
    own_postgres: PostgresServer, server_folder: Path
) -> None:
    own_postgres.kill()
    record = server_folder / "postgres" / "postmaster.pid"
    lines = record.read_text().splitlines()
    record.write_text("\n".join(["1", *lines[1:]]) + "\n")
    EmbeddedPostgres(server_folder / "postgres", server_user()).initialize()
    assert not record.exists()
    own_postgres.start()
