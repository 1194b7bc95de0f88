"""Run by Alembic: the connection comes from `coterie.store.service`."""

from alembic import context

from coterie.store.models import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
