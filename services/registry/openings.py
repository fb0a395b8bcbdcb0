"""Break-glass: what is withheld of an elder without an unresolved alert, opened for a reason and for half an hour.

Every opening is a row for the elder's family and for auditors, and a line of `changes`, which the seals are over.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from psycopg.rows import dict_row

from services.registry.changing import changes_by
from services.registry.names import Actor
from services.registry.reach import Caller
from services.storage.pool import Connection

LASTS: Final = timedelta(minutes=30)

_OPEN = """
INSERT INTO openings (elder_id, account_id, reason, ends_at, address)
VALUES (%(elder)s, %(account)s, %(reason)s, clock_timestamp() + %(lasts)s, %(address)s)
RETURNING id, elder_id, reason, opened_at, ends_at
"""
_TOLD = """
INSERT INTO changes (subject, subject_id, what, account_id, actor, address, after)
VALUES ('elder', %s, 'withheld opened', %s, %s, %s, jsonb_build_object('reason', %s::text, 'until', %s::timestamptz))
"""
_END = """
UPDATE openings SET ends_at = clock_timestamp()
WHERE elder_id = %s AND account_id = %s AND ends_at > clock_timestamp()
"""


async def open_withheld(
    connection: Connection, caller: Caller, elder_id: UUID, reason: str, address: str
) -> dict[str, Any]:
    """The opening. Again, before it is over, is another one: each has its reason."""
    values = {
        "elder": elder_id,
        "account": caller.account_id,
        "reason": reason,
        "lasts": LASTS,
        "address": address,
    }
    async with changes_by(connection, Actor(caller.name, address, caller)):
        async with connection.cursor(row_factory=dict_row) as cursor:
            row = await (await cursor.execute(_OPEN, values)).fetchone()
        assert row is not None
        told = (str(elder_id), caller.account_id, caller.name, address, reason, row["ends_at"])
        await connection.execute(_TOLD, told)
    return row


async def close_withheld(connection: Connection, caller: Caller, elder_id: UUID) -> None:
    """Nothing is open any more; again it changes nothing."""
    await connection.execute(_END, (elder_id, caller.account_id))
