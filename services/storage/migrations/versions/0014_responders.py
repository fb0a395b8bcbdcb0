"""Responders, where organisations are, hand-over links.

Revision: 0014
"""

from services.storage.scripts import SQL, run

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0014_responders.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
