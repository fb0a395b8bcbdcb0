"""What migrations share: SQL scripts run as they stand, and whether the server offers TimescaleDB."""

from importlib.resources import files

from alembic import op
from sqlalchemy import text

SQL = files("services.storage") / "migrations" / "sql"


def run(script: str) -> None:
    """Runs a script of several statements as it stands: no parameters, so `%` and `:` mean themselves."""
    connection = op.get_bind().connection.dbapi_connection
    assert connection is not None
    connection.cursor().execute(script)


def timescale_ready() -> bool:
    """Whether the extension can be used: there, preloaded, and ours to create."""
    bind = op.get_bind()
    if bind.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'")).first():
        return True
    available = bind.execute(text("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'")).first()
    preloaded = bind.execute(
        text("SELECT current_setting('shared_preload_libraries') ~ '(^|[ ,\"/])timescaledb'")
    ).scalar_one()
    if not (available and preloaded):
        return False
    allowed = bind.execute(
        text(
            "SELECT has_database_privilege(current_database(), 'CREATE') AND"
            " (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
        )
    ).scalar_one()
    if not allowed:
        return False
    bind.execute(text("CREATE EXTENSION IF NOT EXISTS timescaledb"))
    return True


def timescale_licence() -> str | None:
    """`timescale`, or `apache` (no compression, no continuous aggregates); None without the extension."""
    bind = op.get_bind()
    if bind.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'")).first() is None:
        return None
    licence: str | None = bind.execute(text("SELECT current_setting('timescaledb.license', true)")).scalar_one()
    return licence
