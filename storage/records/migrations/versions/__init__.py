"""Shapes of the records, one after the other; run by Alembic."""
