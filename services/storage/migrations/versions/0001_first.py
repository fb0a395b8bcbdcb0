"""The first schema.

Revision: 0001
"""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql"


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


def upgrade() -> None:
    run((SQL / "0001_first.sql").read_text("utf-8"))
    readings = (SQL / "0001_readings.sql").read_text("utf-8")
    if timescale_ready():
        run(readings)
        op.get_bind().execute(
            text(
                "SELECT create_hypertable('readings', 'ts', chunk_time_interval => interval '1 day',"
                " create_default_indexes => false)"
            )
        )
    else:
        run(readings + " PARTITION BY RANGE (ts)")
        run((SQL / "0001_readings_plain.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
