"""Who is told of an elder is found by the elder.

Revision: 0020
"""

from services.storage.scripts import SQL, run

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0020_family.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
