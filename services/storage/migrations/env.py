"""Alembic's entry: one connection, given by services.storage.migrate; one lock, so that two starts do not race."""

from alembic import context
from sqlalchemy import Connection, text

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=False)
with context.begin_transaction():
    # Held to the end of the transaction: a second process waits and then finds the schema made.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('anhu migrations', 0))"))
    context.run_migrations()
