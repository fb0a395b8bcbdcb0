"""Escalation policies, duty rosters, and who watches which screens.

Revision: 0013
"""

from services.storage.scripts import SQL, run

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0013_escalation.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
