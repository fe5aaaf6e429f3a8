"""Run by Alembic: migrates over the connection it is given, in its transaction."""

from alembic import context

from storage.records.models import Record

context.configure(connection=context.config.attributes["connection"], target_metadata=Record.metadata)
context.run_migrations()
