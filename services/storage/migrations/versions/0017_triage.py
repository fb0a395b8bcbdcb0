"""Fewer looks at elders, and cheaper marks.

Revision: 0017
"""

from services.storage.scripts import SQL, run

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0017_triage.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
