"""Replays of the rule live with the forecasts; a ledger that tells them from what was issued has nothing to tell."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Takes the column away; it was false in every row."""
    op.execute("ALTER TABLE warning DROP COLUMN is_replayed")
