"""A database whose clock is set by hand. All that `alerts` knows of the time it asks the database for, by
`clock_timestamp()`: sessions that look into a schema of ours first find another function of that name."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg import AsyncConnection

_MAKE = (
    "CREATE SCHEMA simulated",
    # As volatile as the real one: no plan may profit from a clock that stands.
    "CREATE FUNCTION simulated.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE"
    " AS $$ SELECT current_setting('simulated.now')::timestamptz $$",
)
_SET = "SELECT set_config('simulated.now', %s, false)"
#: For the connections that are to live by it. Temporary tables, and ours, before the real ones.
OPTIONS = "-c search_path=simulated,pg_catalog,public"


def make_clock(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _MAKE:
            connection.execute(statement)


async def set_clock(
    now: datetime, threads: Sequence[psycopg.Connection[Any]], tasks: Sequence[AsyncConnection[Any]]
) -> None:
    for thread in threads:
        thread.execute(_SET, (now.isoformat(),))
    for task in tasks:
        await task.execute(_SET, (now.isoformat(),))
