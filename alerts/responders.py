"""The responders near an alert who are able to go."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


async def nearest_able(connection: Connection, alert_id: UUID, limit: int) -> Sequence[UUID]:
    """Ids of their accounts, the nearest first. The register of responders lists nobody yet."""
    return ()
