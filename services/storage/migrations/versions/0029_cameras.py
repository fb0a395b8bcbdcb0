"""Cameras bound to rooms.

Revision: 0029
"""

from services.storage.scripts import SQL, run

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0029_cameras.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
