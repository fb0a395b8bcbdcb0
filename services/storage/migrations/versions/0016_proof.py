"""Proof: drills, the synthetic press, the audit, the ledger of presses.

Revision: 0016
"""

from services.storage.scripts import SQL, run

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0016_proof.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
