"""Visits, medicines, commands to devices, and the beds of care homes.

Revision: 0023
"""

from services.storage.scripts import SQL, run

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0023_work.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
