"""Fences, habits, and when somebody is to be looked at though nothing comes.

Revision: 0009
"""

from services.storage.scripts import SQL, run

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0009_places.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
