"""Where channels lead, sealed at rest.

Revision: 0028
"""

from services.storage.scripts import SQL, run

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0028_sealed_channels.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
