"""Everything that changed, in order and without a gap: the trail of records, and the timelines of alerts.

Ids are given before the commit: a row may appear behind one that was there already. So nothing is read beyond what is
settled: the ids up to a mark, once all who were writing when it was set are done. Whoever writes a row of either has
changed another one in the same transaction before, or does it at once: a short while after the mark their transactions
have their numbers, and can be waited for. None of it is in the way of whoever writes.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts.domain.pushing import Event, Stream, fields_of_alert, in_order

Connection = AsyncConnection[Any]

#: Ids looked at in one turn, and events taken from them: an import of a district is read in pieces.
WINDOW: Final = 2000
MOST: Final = 50
#: Between its id and its transaction's number a writer is not seen, for some microseconds.
_UNSEEN_SECONDS: Final = 0.05

_LAST = """
SELECT coalesce(max(last_value) FILTER (WHERE sequencename = 'changes_id_seq'), 0),
       coalesce(max(last_value) FILTER (WHERE sequencename = 'alert_timeline_id_seq'), 0)
FROM pg_sequences WHERE schemaname = current_schema()
  AND sequencename IN ('changes_id_seq', 'alert_timeline_id_seq')
"""
_HORIZON = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
_ALL_DONE = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= %s::xid8"

# Where it is now; and of what moved or went where it was, so that those there learn that it is no longer theirs.
_CHANGES = """
SELECT c.id, c.at, c.subject, c.what, c.subject_id, w.organization_id, c.account_id, a.role,
       ARRAY(SELECT jsonb_object_keys(CASE WHEN jsonb_typeof(c.said) = 'object' THEN c.said - c.known END) ORDER BY 1)
           AS fields
FROM (SELECT id, at, subject, subject_id, what, account_id, before, after, coalesce(after, before) AS said,
             CASE WHEN subject IN ('organization', 'elder', 'account') THEN subject_id::uuid END AS uuid,
             CASE subject WHEN 'organization' THEN 'parent_id' ELSE 'organization_id' END AS place,
             -- Of what has no record here it is said whose it is, which is no change.
             CASE WHEN subject IN ('organization', 'elder', 'device', 'account') THEN '' ELSE 'organization_id' END
                 AS known
      FROM changes) AS c
JOIN LATERAL (
    SELECT o.id AS organization_id FROM (
        SELECT p.organization_id, 1 FROM elders p WHERE c.subject = 'elder' AND p.id = c.uuid
        UNION ALL
        SELECT d.organization_id, 1 FROM devices d WHERE c.subject = 'device' AND d.device_id = c.subject_id
        UNION ALL
        SELECT c.uuid, 1 WHERE c.subject = 'organization'
        UNION ALL
        SELECT m.organization_id, 1 FROM account_organizations m WHERE c.subject = 'account' AND m.account_id = c.uuid
        UNION ALL
        SELECT p.organization_id, 1 FROM account_elders m JOIN elders p ON p.id = m.elder_id
        WHERE c.subject = 'account' AND m.account_id = c.uuid
        UNION ALL
        SELECT (c.after ->> c.place)::uuid, 2
        UNION ALL
        SELECT (c.before ->> c.place)::uuid, 3
    ) AS v (id, rank) JOIN organizations o ON o.id = v.id
    WHERE %(organization)s = ANY(o.path) ORDER BY v.rank, o.id LIMIT 1
) AS w ON true
LEFT JOIN accounts a ON a.id = c.account_id
WHERE c.id > %(after)s AND c.id <= %(up_to)s AND c.subject = ANY(%(subjects)s)
ORDER BY c.id LIMIT %(most)s
"""
_TIMELINE = """
SELECT t.id, t.at, t.kind, t.alert_id::text, l.organization_id, t.account_id, a.role, t.version, l.drill
FROM alert_timeline t JOIN alerts l ON l.id = t.alert_id JOIN organizations o ON o.id = l.organization_id
LEFT JOIN accounts a ON a.id = t.account_id
WHERE t.id > %(after)s AND t.id <= %(up_to)s AND %(organization)s = ANY(o.path)
ORDER BY t.id LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Place:
    """An id of each stream: all up to it."""

    changes: int
    timeline: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What comes next, and up to where that is all there is."""

    events: Sequence[Event]
    end: Place


async def newest(connection: Connection) -> Place:
    """The last ids that were given; what has them may not be there yet."""
    row = await (await connection.execute(_LAST)).fetchone()
    assert row is not None
    return Place(*row)


class Settled:
    """Up to where both streams are settled, looked at again and again by one connection."""

    def __init__(self) -> None:
        self.place = Place(0, 0)
        self._mark: tuple[Place, str] | None = None
        self._marked_at = 0.0

    @property
    def held_seconds(self) -> float:
        """For how long somebody's open transaction has been holding it."""
        return time.monotonic() - self._marked_at if self._mark else 0.0

    async def look(self, connection: Connection) -> Place:
        if self._mark is None:
            last = await newest(connection)
            if last == self.place:
                return self.place
            await asyncio.sleep(_UNSEEN_SECONDS)
            row = await (await connection.execute(_HORIZON)).fetchone()
            assert row is not None
            self._mark, self._marked_at = (last, row[0]), time.monotonic()
        row = await (await connection.execute(_ALL_DONE, (self._mark[1],))).fetchone()
        assert row is not None
        if row[0]:
            self.place, self._mark = self._mark[0], None
        return self.place


async def read_batch(
    connection: Connection, organization_id: UUID, subjects: Sequence[str], after: Place, settled: Place
) -> Batch:
    """What follows `after` of these subjects within the organisation and all below it."""
    changes, changes_end = await _read(
        connection, Stream.CHANGES, organization_id, subjects, after.changes, settled.changes
    )
    timeline, timeline_end = await _read(
        connection, Stream.TIMELINE, organization_id, subjects, after.timeline, settled.timeline
    )
    return Batch(list(in_order(changes, timeline)), Place(changes_end, timeline_end))


async def _read(
    connection: Connection, stream: Stream, organization_id: UUID, subjects: Sequence[str], after: int, settled: int
) -> tuple[list[Event], int]:
    records = [one for one in subjects if one != "alert"]
    wanted = bool(records) if stream is Stream.CHANGES else "alert" in subjects
    if not wanted:
        return [], max(after, settled)
    if after >= settled:
        return [], after
    up_to = min(after + WINDOW, settled)
    values = {"after": after, "up_to": up_to, "organization": organization_id, "subjects": records, "most": MOST}
    async with connection.cursor(row_factory=dict_row) as cursor:
        if stream is Stream.CHANGES:
            rows = await (await cursor.execute(_CHANGES, values)).fetchall()
            events = [_change(row) for row in rows]
        else:
            rows = await (await cursor.execute(_TIMELINE, values)).fetchall()
            events = [_line(row) for row in rows]
    # As many as there may be: there are more behind the last.
    return events, events[-1].id if len(events) == MOST else up_to


def _change(row: dict[str, Any]) -> Event:
    return Event(
        Stream.CHANGES,
        row["id"],
        row["at"],
        row["subject"],
        row["what"],
        row["subject_id"],
        row["organization_id"],
        row["account_id"],
        row["role"],
        tuple(row["fields"]),
    )


def _line(row: dict[str, Any]) -> Event:
    return Event(
        Stream.TIMELINE,
        row["id"],
        row["at"],
        "alert",
        row["kind"],
        row["alert_id"],
        row["organization_id"],
        row["account_id"],
        row["role"],
        fields_of_alert(row["kind"]),
        row["version"],
        row["drill"],
    )
