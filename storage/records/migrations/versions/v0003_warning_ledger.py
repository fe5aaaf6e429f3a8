"""The ledger of season warnings: what was issued, what later runs said of it, what people did, what came. All four only grow."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LEDGER = ("warning", "warning_statement", "warning_outcome", "warning_action")


def upgrade() -> None:
    """Makes the tables, and the triggers that keep them as they were written."""
    _make_warning()
    _make_what_follows()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION ledger_is_kept() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$"
        )
    for table in LEDGER:
        _keep(table)


def _make_warning() -> None:
    op.create_table(
        "warning",
        sa.Column("warning_id", sa.String(120), primary_key=True),
        sa.Column("level", sa.String(20), nullable=False),
        sa.Column("place_code", sa.String(64)),
        sa.Column("category_1", sa.String(200), nullable=False),
        sa.Column("category_2", sa.String(200)),
        *(sa.Column(name, sa.Date, nullable=False) for name in ("window_start", "window_end", "issued_on")),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_replayed", sa.Boolean, nullable=False),
        sa.Column("probability", sa.Float, nullable=False),
        sa.Column("threshold", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Float, nullable=False) for name in ("expected", "usual", "low_50", "high_50", "low_80", "high_80")),
        *(sa.Column(name, sa.Date, nullable=False) for name in ("starts_on", "due_on")),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("partner", sa.String(200)),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("reason", "actions")),
        sa.Column("model", sa.String(40), nullable=False),
        sa.Column("version", sa.String(80), nullable=False),
        sa.Column("rule", sa.String(200), nullable=False),
    )


def _make_what_follows() -> None:
    op.create_table(
        "warning_statement",
        sa.Column("statement_id", sa.Integer, primary_key=True),
        sa.Column("warning_id", sa.String(120), sa.ForeignKey("warning.warning_id"), nullable=False),
        sa.Column("stated_on", sa.Date, nullable=False),
        sa.Column("probability", sa.Float, nullable=False),
        sa.Column("expected", sa.Float, nullable=False),
        sa.Column("is_budgeted", sa.Boolean, nullable=False),
        sa.UniqueConstraint("warning_id", "stated_on"),
    )
    op.create_table(
        "warning_outcome",
        sa.Column("warning_id", sa.String(120), sa.ForeignKey("warning.warning_id"), primary_key=True),
        sa.Column("scored_on", sa.Date, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("came_true", sa.Boolean, nullable=False),
    )
    op.create_table(
        "warning_action",
        sa.Column("action_id", sa.Integer, primary_key=True),
        sa.Column("warning_id", sa.String(120), sa.ForeignKey("warning.warning_id"), nullable=False, index=True),
        sa.Column("acted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acted_on", sa.Date, nullable=False),
        sa.Column("acted_by", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("value", sa.String(500), nullable=False),
        sa.Column("until", sa.Date),
        sa.Column("reason", sa.String(500), nullable=False),
    )


def _keep(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION ledger_is_kept()")
        op.execute(f"CREATE TRIGGER {table}_kept_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_kept()")
    else:
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {table}_kept_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")
