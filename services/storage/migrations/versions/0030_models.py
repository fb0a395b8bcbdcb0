"""Models of devices.

Revision: 0030
"""

from services.storage.scripts import SQL, run

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0030_models.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
