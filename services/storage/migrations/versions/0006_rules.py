"""Rules on readings, what they found, and who is to be looked at.

Revision: 0006
"""

from services.storage.scripts import SQL, run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0006_rules.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
