"""Bridges that are noted; roll-ups of who was erased.

Revision: 0027
"""

from services.storage.scripts import SQL, run

revision = "0027"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0027_edge.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
