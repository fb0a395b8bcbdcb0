"""Service accounts of the broker, and who changed whose secret.

Revision: 0004
"""

from services.storage.scripts import SQL, run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0004_identity.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
