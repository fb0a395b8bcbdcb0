"""Sign-in by an OpenID Connect provider.

Revision: 0024
"""

from services.storage.scripts import SQL, run

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run((SQL / "0024_oidc.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
