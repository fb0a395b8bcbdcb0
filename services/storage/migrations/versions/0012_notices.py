"""People who are to be told of an alert.

Revision: 0012
"""

from services.storage.scripts import SQL, run

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0012_notices.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
