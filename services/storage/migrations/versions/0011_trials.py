"""Trials of rules on stored history.

Revision: 0011
"""

from services.storage.scripts import SQL, run

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0011_trials.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
