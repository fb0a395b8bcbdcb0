"""What a writer of readings owes their roll-ups. docs/adr/0010-roll-ups.md proves it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg

_CLOSED_UNTIL = "SELECT closed_until FROM readings_rollup"
_NOTE = "INSERT INTO readings_late (device_key, hour) SELECT * FROM unnest(%s::int[], %s::timestamptz[])"


def note_late(cursor: psycopg.Cursor[Any], stored: Sequence[tuple[Any, ...]]) -> None:
    """Tells that these readings were stored, so that those of closed days are rolled up. A row begins with device key
    and time.

    Call it in the transaction that stores them and *after* they are written: the order is what lets the roll-up know
    by the transaction's number whether it has to wait for it.
    """
    if not stored:
        return
    row = cursor.execute(_CLOSED_UNTIL).fetchone()
    assert row is not None, "the migration made this row"
    closed_until: datetime = row[0]
    late = {(row[0], _hour_of(row[1])) for row in stored if row[1] < closed_until}
    if late:
        cursor.execute(_NOTE, ([key for key, _ in late], [hour for _, hour in late]))


def _hour_of(ts: datetime) -> datetime:
    return ts.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
