"""Rules that want no look for a while.

Revision: 0010
"""

from services.storage.scripts import SQL, run

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0010_quiet.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
