"""Who it is that changes something, told to the triggers that keep every change (0019_records.sql)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.registry.names import Actor
from services.storage.pool import Connection

_WHO = """
SELECT set_config('anhu.account', %s, true), set_config('anhu.actor', %s, true), set_config('anhu.address', %s, true)
"""


@asynccontextmanager
async def changes_by(connection: Connection, actor: Actor) -> AsyncIterator[None]:
    """A transaction in which every change is this actor's."""
    async with connection.transaction():
        account = str(actor.account_id) if actor.account_id else ""
        await connection.execute(_WHO, (account, actor.name.replace("\x00", "�"), actor.address or ""))
        yield
