"""Keeps days of hours as finished JSON, in `readings_1h_told`. Called by `anhu upkeep` alone, one process at a time.

A told day is what its rows of `readings_1h` make, at every moment: whoever makes such rows anew tells their days anew
in the same transaction or, where it has none (a refresh), before it says that they are no longer behind.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import psycopg

from services.storage.fields import bucket_as_json
from services.storage.rollups import utc_day_of

Connection = psycopg.Connection[Any]

_DAY = timedelta(days=1)
_STATE = "SELECT told_from, told_until, rolled_until, hours_from FROM readings_rollup"
_HOURS_FROM = "UPDATE readings_rollup SET hours_from = least(hours_from, %s)"
_MADE = f"count(*) AS hours, string_agg({bucket_as_json()}, ',' ORDER BY bucket) AS told FROM readings_1h"

_FORGET_DAY = "DELETE FROM readings_1h_told WHERE day = %(day)s"
_TELL_DAY = f"""
INSERT INTO readings_1h_told (device_key, day, hours, told)
SELECT device_key, %(day)s, {_MADE} WHERE bucket >= %(day)s AND bucket < %(end)s GROUP BY device_key ORDER BY device_key
"""
_OF = "unnest(%s::int[], %s::timestamptz[]) AS late (device_key, day)"
_FORGET = f"DELETE FROM readings_1h_told t USING {_OF} WHERE t.device_key = late.device_key AND t.day = late.day"
_TELL = f"""
INSERT INTO readings_1h_told (device_key, day, hours, told)
SELECT late.device_key, late.day, made.hours, made.told FROM {_OF}, LATERAL (SELECT {_MADE} WHERE
    device_key = late.device_key AND bucket >= late.day AND bucket < late.day + interval '24 hours') AS made
WHERE made.hours > 0
"""


def tell_next_day(connection: Connection, not_before: datetime | None) -> bool:
    """Tells a day of all devices: the oldest that is rolled up since, else the newest of those before. False when
    there is none, nor one from `not_before` on."""
    told_from, told_until, rolled_until, hours_from = _state(connection)
    if told_until < rolled_until:
        day, said = told_until, "UPDATE readings_rollup SET told_until = %(end)s"
    else:
        day, said = told_from - _DAY, "UPDATE readings_rollup SET told_from = %(day)s"
        if day < hours_from or (not_before is not None and day < not_before) or day >= rolled_until:
            return False
    values = {"day": day, "end": day + _DAY}
    with connection.transaction():
        connection.execute(_FORGET_DAY, values)
        connection.execute(_TELL_DAY, values)
        connection.execute(said, values)
    return True


def tell_again(connection: Connection, hours: Iterable[tuple[int, datetime]]) -> None:
    """Tells the days of these devices' hours anew, in the transaction that the connection is in."""
    told_from, told_until, _, hours_from = _state(connection)
    days = sorted({(key, utc_day_of(hour)) for key, hour in hours})
    oldest = min((day for _, day in days), default=hours_from)
    if oldest < hours_from:
        connection.execute(_HOURS_FROM, (oldest,))
    told = [(key, day) for key, day in days if told_from <= day < told_until]
    if told:
        values = ([key for key, _ in told], [day for _, day in told])
        connection.execute(_FORGET, values)
        connection.execute(_TELL, values)


def _state(connection: Connection) -> tuple[datetime, datetime, datetime, datetime]:
    """(told_from, told_until, rolled_until, hours_from)"""
    row = connection.execute(_STATE).fetchone()
    assert row is not None, "the migration made this row"
    told_from, told_until, rolled_until, hours_from = row
    return told_from, told_until, rolled_until, hours_from
