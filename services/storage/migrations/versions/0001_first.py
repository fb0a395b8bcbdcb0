"""The first schema.

Revision: 0001
"""

from alembic import op
from sqlalchemy import text

from services.storage.scripts import SQL, run, timescale_ready

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


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
