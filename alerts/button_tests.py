"""Buttons that are to be tested weekly (JGJ/T 484-2019, 10.3): when each was tested last, and when it is due again.

The same facts as of `device.untested` (device_round.py), which is noted of them when they are overdue: a `test`, a real
press and a drill's press all show that the way from the button to us works.
"""

from typing import Any
from uuid import UUID

from alerts.domain.upkeep import PRESSED, UNTESTED

#: What ticks a device off.
TESTS = "('test', 'sos')"
#: When a device `d` was last tested, pressed or pulled.
TESTED_AT = f"(SELECT max(e.received_at) FROM events e WHERE e.device_id = d.device_id AND e.type IN {TESTS})"

LASTING = f"""
SELECT coalesce((SELECT extract(epoch FROM lasting) / 86400 FROM device_rules WHERE type = '{UNTESTED}'), 7)::float
    AS lasting_days
"""
COUNTS = 'SELECT count(*) AS "all", count(*) FILTER (WHERE due_at <= clock_timestamp()) AS due'
#: Every device that is to be tested, of those whose `d` fits `reach`.
BUTTONS = f"""
SELECT d.device_id, d.kind, jsonb_build_object('id', o.id, 'name', o.name) AS organization,
       jsonb_build_object('id', p.id, 'name', p.name) AS elder, p.phone, p.address, s.last_seen_at,
       last.received_at AS tested_at,
       CASE WHEN last.drill THEN 'drill' ELSE last.type END AS tested_by,
       greatest(d.enrolled_at, last.received_at) + r.lasting AS due_at
FROM devices d JOIN organizations o ON o.id = d.organization_id JOIN elders p ON p.id = d.elder_id
CROSS JOIN (SELECT coalesce((SELECT lasting FROM device_rules WHERE type = '{UNTESTED}'), interval '7 days')
                AS lasting) r
LEFT JOIN device_states s ON s.device_key = d.key
LEFT JOIN LATERAL (
    SELECT e.received_at, e.type, EXISTS (SELECT FROM drill_presses x WHERE x.event = e.id) AS drill
    FROM events e WHERE e.device_id = d.device_id AND e.type IN {TESTS}
    ORDER BY e.received_at DESC LIMIT 1) last ON true
WHERE d.revoked_at IS NULL AND d.kind = ANY(%(pressed)s) AND {{reach}}
  AND (%(organization_id)s::uuid IS NULL OR %(organization_id)s = ANY(o.path))
"""


def parameters(organization_id: UUID | None) -> dict[str, Any]:
    """What BUTTONS is filled with, beside the reach."""
    return {"pressed": sorted(PRESSED), "organization_id": organization_id}
