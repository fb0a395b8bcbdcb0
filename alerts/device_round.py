"""Goes round all devices, some at a time: who is not worn, low on battery, not tested."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts.button_tests import TESTED_AT
from alerts.domain.conditions import OFFLINE, Condition, Happening, before
from alerts.domain.outage import Hearing
from alerts.domain.upkeep import LOW_BATTERY, NOT_WORN, PRESSED, UNTESTED, WORN, Facts, Wants, wanting

Connection = AsyncConnection[Any]

#: Each has its turn in a quarter of an hour, up to 100,000 devices: soon for what waits for a working day.
TURNS = 180
LEAST_AT_ONCE, MOST_AT_ONCE = 50, 500

_RULES = "SELECT type, lasting, below, clear_from FROM device_rules"
# A silent device tells nothing about itself: what was noted of it stays as it is.
_FACTS = f"""
SELECT d.key, d.kind, d.elder_id IS NOT NULL AS has_elder, s.battery,
       (SELECT array_agg(c.type) FROM device_conditions c WHERE c.device_key = d.key AND c.ended_at IS NULL) AS noted,
       (SELECT max(e.received_at) FROM events e WHERE e.device_id = d.device_id AND e.type = 'low_battery'
           AND e.received_at > %(now)s - interval '7 days') AS said_low_at,
       CASE WHEN d.kind = ANY(%(pressed)s) THEN greatest(d.enrolled_at, {TESTED_AT}) ELSE d.enrolled_at END
           AS tested_at,
       CASE WHEN d.kind = ANY(%(worn)s) AND said.type IS DISTINCT FROM 'worn_on' AND NOT latest.worn THEN (
           SELECT min(r.ts) FROM readings r WHERE r.device_key = d.key AND NOT r.worn AND r.ts > coalesce((
               SELECT w.ts FROM readings w WHERE w.device_key = d.key AND w.worn AND w.ts > %(now)s - interval '2 days'
               ORDER BY w.ts DESC LIMIT 1), %(now)s - interval '2 days'))
       WHEN d.kind = ANY(%(worn)s) AND said.type = 'worn_off' THEN said.occurred_at
       END AS off_at
FROM devices d JOIN device_states s ON s.device_key = d.key
LEFT JOIN LATERAL (
    SELECT (array_agg(worn ORDER BY ts DESC) FILTER (WHERE worn IS NOT NULL))[1] AS worn,
           max(ts) FILTER (WHERE worn IS NOT NULL) AS ts
    FROM (SELECT r.worn, r.ts FROM readings r
          WHERE d.kind = ANY(%(worn)s) AND r.device_key = d.key AND r.ts > %(now)s - interval '2 days'
          ORDER BY r.ts DESC LIMIT 5) AS few
) AS latest ON true
LEFT JOIN LATERAL (
    SELECT e.type, e.occurred_at FROM events e
    WHERE d.kind = ANY(%(worn)s) AND e.device_id = d.device_id AND e.type IN ('worn_on', 'worn_off')
      AND e.occurred_at > coalesce(latest.ts, %(now)s - interval '14 days')
    ORDER BY e.occurred_at DESC LIMIT 1
) AS said ON true
WHERE d.key > %(after)s AND d.revoked_at IS NULL
  AND NOT EXISTS (SELECT FROM device_conditions c
                  WHERE c.device_key = d.key AND c.type = %(offline)s AND c.ended_at IS NULL)
ORDER BY d.key LIMIT %(limit)s
"""
_NOTE = """
INSERT INTO device_conditions (id, device_key, type, state, since, until, noted_at, due_at)
VALUES (%(id)s, %(key)s, %(type)s, %(state)s, %(since)s, %(since)s, %(now)s, %(now)s) ON CONFLICT DO NOTHING
"""
_OVER = """
UPDATE device_conditions SET state = 'ended', ended_at = %(now)s
WHERE device_key = %(key)s AND type = %(type)s AND ended_at IS NULL AND state = ANY(%(states)s)
"""
_OF_THE_ROUND = (NOT_WORN, LOW_BATTERY, UNTESTED)


@dataclass(slots=True)
class Round:
    """How far it is: after the device with that key. It may begin anew with any process."""

    after: int = 0
    #: devices that it had until now, and that the last one had; of the first nobody knows
    passed: int = 0
    of: int | None = None

    @property
    def next_at_once(self) -> int:
        if self.of is None:
            return MOST_AT_ONCE
        return min(max(-(-self.of // TURNS), LEAST_AT_ONCE), MOST_AT_ONCE)

    def has_passed(self, count: int, last: int) -> None:
        if count < self.next_at_once:
            self.after, self.passed, self.of = 0, 0, self.passed + count
        else:
            self.after, self.passed = last, self.passed + count


async def go_round(connection: Connection, round_: Round, hearing: Hearing, now: datetime) -> None:
    """Looks at the next devices."""
    rules = {row[0]: Wants(row[1], row[2], row[3]) for row in await (await connection.execute(_RULES)).fetchall()}
    asked = {
        "after": round_.after,
        "now": now,
        "limit": round_.next_at_once,
        "offline": OFFLINE,
        "worn": sorted(WORN),
        "pressed": sorted(PRESSED),
    }
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_FACTS, asked)).fetchall()
    for row in rows:
        facts = Facts(
            row["kind"], row["has_elder"], row["battery"], row["said_low_at"], row["off_at"], row["tested_at"]
        )
        on = frozenset(row["noted"] or ())
        found = wanting(facts, on, rules, hearing, now)
        for type_ in _OF_THE_ROUND:
            change = {"key": row["key"], "type": type_, "now": now}
            if type_ in found and type_ not in on:
                noted = {"id": uuid7(), "since": found[type_], "state": Condition.NOTED.value}
                await connection.execute(_NOTE, change | noted)
            elif type_ in on and type_ not in found:
                await connection.execute(_OVER, change | {"states": before(Happening.OVER)})
    round_.has_passed(len(rows), rows[-1]["key"] if rows else 0)
