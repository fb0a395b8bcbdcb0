"""Whoever moves leaves their bed.

Revision: 0032
"""

from services.storage.scripts import SQL, run

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0032_moved_out.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
