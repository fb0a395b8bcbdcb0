"""Plans a drill, or begins one at once: whom it expects a press of is listed when it is made."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from uuid_utils.compat import uuid7

from alerts.domain.alert import Actor
from alerts.domain.drills import MOST_DEVICES, PRESSABLE, Wanted, begins_at, flaws
from alerts.domain.rules.check import Flaw

Connection = AsyncConnection[Any]

# A device has a part in one drill at a time: the look at a press is for one row.
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('anhu drills', 0))"
_MAKE = """
INSERT INTO drills (id, name, note, organization_id, state, starts_at, ends_at, made_by, made_by_name, made_from,
                    made_at)
VALUES (%(id)s, %(name)s, %(note)s, %(organization_id)s, 'planned', %(starts_at)s, %(ends_at)s, %(by)s, %(by_name)s,
        %(origin)s, %(now)s)
"""
_LIST = """
INSERT INTO drill_presses (drill_id, device_id, elder_id, organization_id, expected_from, expected_until)
SELECT %(id)s, d.device_id, d.elder_id, coalesce(e.organization_id, d.organization_id), %(starts_at)s, %(ends_at)s
FROM devices d LEFT JOIN elders e ON e.id = d.elder_id
WHERE d.revoked_at IS NULL AND CASE WHEN %(organization_id)s::uuid IS NULL THEN d.device_id = ANY(%(device_ids)s)
  ELSE d.kind = ANY(%(pressable)s) AND d.elder_id IS NOT NULL AND EXISTS (
      SELECT FROM organizations o WHERE o.id = d.organization_id AND %(organization_id)s = ANY(o.path)) END
RETURNING device_id
"""
_BUSY = """
SELECT p.device_id FROM drill_presses p JOIN drills d ON d.id = p.drill_id
WHERE d.over_at IS NULL AND d.id <> %(id)s AND d.starts_at < %(ends_at)s AND d.ends_at > %(starts_at)s
  AND p.device_id IN (SELECT device_id FROM drill_presses WHERE drill_id = %(id)s) ORDER BY 1
"""


class _FlawedError(Exception):
    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.what)
        self.flaw = flaw


async def make_drill(connection: Connection, wanted: Wanted, actor: Actor) -> UUID | Sequence[Flaw]:
    """The new drill's id, or what is wrong with it. Whether it is within reach is for the caller."""
    try:
        async with connection.transaction():
            await connection.execute(_ONE_AT_A_TIME)
            row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
            assert row is not None
            now: datetime = row[0]
            if found := list(flaws(wanted, now)):
                return found
            drill_id: UUID = uuid7()
            values = {
                "id": drill_id,
                "name": wanted.name,
                "note": wanted.note,
                "organization_id": wanted.organization_id,
                "device_ids": sorted(wanted.device_ids),
                "pressable": sorted(PRESSABLE),
                "starts_at": begins_at(wanted, now),
                "ends_at": wanted.ends_at,
                "by": actor.id,
                "by_name": actor.name,
                "origin": actor.origin,
                "now": now,
            }
            await connection.execute(_MAKE, values)
            await _list(connection, wanted, values)
    except _FlawedError as error:
        return [error.flaw]
    return drill_id


async def _list(connection: Connection, wanted: Wanted, values: Mapping[str, Any]) -> None:
    listed = {row[0] for row in await (await connection.execute(_LIST, values)).fetchall()}
    if missing := sorted(wanted.device_ids - listed):
        raise _FlawedError(Flaw("device_ids", f"没有这些设备，或已停用：{'、'.join(missing[:5])}"))
    if not listed:
        raise _FlawedError(Flaw("organization_id", "这个机构没有可以按下的呼叫设备：没有人可以参加演练"))
    if len(listed) > MOST_DEVICES:
        raise _FlawedError(Flaw("organization_id", f"一次演练最多 {MOST_DEVICES} 台设备，请按下级机构分几次进行"))
    busy = [row[0] for row in await (await connection.execute(_BUSY, values)).fetchall()]
    if busy:
        raise _FlawedError(Flaw("starts_at", f"这段时间里 {'、'.join(busy[:5])} 等 {len(busy)} 台设备已在另一次演练中"))
