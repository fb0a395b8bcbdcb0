"""Records of elders, what is kept of every change, and search without extensions.

Revision: 0019
"""

from services.storage.scripts import SQL, run

revision = "0019"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0019_records.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
