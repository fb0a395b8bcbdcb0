"""Devices that fall silent or want looking after, and areas that fall silent together.

Revision: 0008
"""

from services.storage.scripts import SQL, run

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0008_outages.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
