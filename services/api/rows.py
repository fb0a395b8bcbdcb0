"""Rows that the caller may see: a page of them, or one."""

from collections.abc import Mapping
from typing import Any

from psycopg.rows import dict_row

from services.api.problems import not_found
from services.registry.reach import Caller
from services.storage.pool import Connection


async def page_of(
    connection: Connection,
    caller: Caller,
    statement: str,
    key: str,
    after: Any,
    limit: int,
    *,
    newest: bool = False,
    values: Mapping[str, Any] = {},
) -> list[dict[str, Any]]:
    """Rows that the statement's conditions allow, by one unique key, one more than the limit."""
    asked = caller.parameters | {"after": after, "limit": limit + 1} | dict(values)
    if after is not None:
        statement += f" AND {key} {'<' if newest else '>'} %(after)s"
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"{statement} ORDER BY {key} {'DESC' if newest else ''} LIMIT %(limit)s", asked)
        return await cursor.fetchall()


async def one_of(connection: Connection, caller: Caller, statement: str, key: str, value: Any) -> dict[str, Any]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"{statement} AND {key} = %(key)s", caller.parameters | {"key": value})
        row = await cursor.fetchone()
    if row is None:
        raise not_found()
    return row
