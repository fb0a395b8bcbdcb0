"""Hardware ids of other sources, and the replay of quarantine.

Revision: 0002
"""

from services.storage.scripts import SQL, run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0002_hardware.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
