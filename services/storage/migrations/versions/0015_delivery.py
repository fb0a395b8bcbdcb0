"""From a notice to the person's eye: channels, attempts, quiet hours, consents.

Revision: 0015
"""

from services.storage.scripts import SQL, run

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0015_delivery.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
