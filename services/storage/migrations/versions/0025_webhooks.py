"""Signed webhooks for every change.

Revision: 0025
"""

from services.storage.scripts import SQL, run

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0025_webhooks.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
