"""Connections to the database for asyncio."""

from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from services.storage.hung import LET_GO

Connection = AsyncConnection[Any]
Pool = AsyncConnectionPool[Connection]


def make_pool(database_url: str, *, most: int = 10) -> Pool:
    """A pool, not yet open; a connection that cannot be had in 3 s raises psycopg_pool.PoolTimeout."""
    return AsyncConnectionPool(
        database_url,
        min_size=2,
        max_size=most,
        timeout=3.0,
        reconnect_timeout=5.0,
        open=False,
        kwargs={"autocommit": True, "connect_timeout": 3},
        check=AsyncConnectionPool.check_connection,
        configure=_configure,
    )


async def _configure(connection: Connection) -> None:
    await connection.execute(LET_GO)
