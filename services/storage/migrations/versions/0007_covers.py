"""What people hold back for a time, and what was held back.

Revision: 0007
"""

from services.storage.scripts import SQL, run

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0007_covers.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
