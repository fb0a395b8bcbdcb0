"""The form behind an ability level.

Revision: 0031
"""

from services.storage.scripts import SQL, run

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0031_assessments.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
