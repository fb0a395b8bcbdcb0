"""Days of hours as finished JSON.

Revision: 0005
"""

from services.storage.scripts import SQL, run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0005_told.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
