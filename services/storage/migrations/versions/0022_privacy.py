"""Telephone numbers sealed, openings of what is withheld, trails that notice tampering, second factors.

Revision: 0022
"""

from services.storage.scripts import SQL, run

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0022_privacy.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
