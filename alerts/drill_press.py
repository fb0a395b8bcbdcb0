"""Whether a press is one that a drill expects: the one look for it while a press is taken in.

Asked beside the event itself, in the same round trip, behind a savepoint: a look that fails, for whatever reason,
leaves the press real, and holds nothing up. It waits for no lock: a row that somebody else holds is passed over, and
the press is real.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
from psycopg import AsyncConnection

from alerts.domain.drills import PRESS

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

_SAVE = "SAVEPOINT drill_look"
_RELEASE = "RELEASE SAVEPOINT drill_look"
_BACK = "ROLLBACK TO SAVEPOINT drill_look"
# Received in its time, and pressed in its time: what waited in a device's memory is of an earlier need. A device whose
# clock is not believed cannot say when it was pressed: real. And so is whoever is in need already, as an open red or
# orange alert of theirs says: they do not press for a drill.
_IN_NEED = (
    "EXISTS (SELECT FROM alerts a WHERE a.{0} = d.{0} AND NOT a.drill AND a.severity IN ('red', 'orange')"
    " AND a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived'))"
)
_TAKE = f"""
UPDATE drill_presses p SET event = mine.event
FROM (SELECT d.drill_id, d.device_id, e.id AS event
      FROM events e JOIN drill_presses d ON d.device_id = e.device_id
      WHERE e.id = %(event)s AND e.type = %(press)s AND NOT e.clock_suspect AND d.event IS NULL
        AND e.received_at >= d.expected_from AND e.received_at < d.expected_until
        AND e.occurred_at >= d.expected_from - interval '5 seconds' AND e.occurred_at < d.expected_until
        AND NOT {_IN_NEED.format("elder_id")} AND NOT {_IN_NEED.format("device_id")}
      ORDER BY d.expected_from LIMIT 1 FOR UPDATE OF d SKIP LOCKED) mine
WHERE p.drill_id = mine.drill_id AND p.device_id = mine.device_id AND p.event IS NULL
RETURNING p.drill_id
"""


async def with_drill_look(
    connection: Connection, event: int, attempts: int, load: Callable[[], Awaitable[None]]
) -> bool:
    """Runs `load`, which sends its own query, and tells whether the event is a drill's press. After a first attempt
    that failed nobody looks: the press is real.

    The press is marked in the caller's transaction: what rolls back leaves the drill waiting for it.
    """
    if attempts:
        await load()
        return False
    try:
        async with connection.pipeline():
            await load()
            await connection.execute(_SAVE)
            taken = await connection.execute(_TAKE, {"event": event, "press": PRESS})
            await connection.execute(_RELEASE)
        return await taken.fetchone() is not None
    except psycopg.Error as error:
        if connection.closed:
            raise
        try:
            await connection.execute(_BACK)
        except psycopg.Error:
            raise error from None  # the event itself could not be loaded
        log.error("whether event %d is a drill's cannot be told, so it is real: %s", event, str(error).strip())
        await load()
        return False
