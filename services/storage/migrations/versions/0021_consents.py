"""Consents that are recorded and withdrawn; what a list says of an alert beside its state.

Revision: 0021
"""

from services.storage.scripts import SQL, run

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0021_consents.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
