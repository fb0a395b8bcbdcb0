"""A person goes, and the ledger stays whole: alerts, their moves and times, and statistics are there as before, and
nothing in them says who it was.

The elder's row stays without a name, because alerts refer to it. What each table that refers to elders loses is said
here; `tests/integration/test_privacy.py` finds the tables by their foreign keys and asks that all are.
"""

from typing import Any, Final
from uuid import UUID

from services.registry import reach
from services.registry.changing import changes_by
from services.registry.names import Actor, NotPossibleError, UnknownNameError
from services.storage import erasing
from services.storage.pool import Connection

GONE: Final = "（已删除）"

_ELDER = "SELECT p.id, p.erased_at FROM elders p WHERE p.id = %(id)s"
_LOCK = " FOR NO KEY UPDATE"
_OPEN = """
SELECT FROM alerts WHERE elder_id = %s AND state IN ('triggered', 'acknowledged', 'dispatched', 'arrived')
"""
#: Nothing of it stays.
DELETED: Final = (
    *("elder_contacts", "ability_assessments", "consents", "account_elders", "elder_fences", "elder_habits"),
    *("elder_baselines", "elder_looks", "rule_subjects"),
    *("visit_assignments", "visit_dues", "medication_plans", "medication_doses", "cameras"),
)
#: What stays of the others, without what would say who it was.
BLANKED: Final = {
    "alerts": "place = NULL, lat = NULL, lon = NULL, accuracy = NULL, detail = CASE WHEN detail IS NOT NULL THEN"
    " '{}'::jsonb END, sentence = CASE WHEN sentence IS NOT NULL THEN '' END,"
    " evidence = CASE WHEN evidence IS NOT NULL THEN '{}'::jsonb END",
    "events": "lat = NULL, lon = NULL, accuracy = NULL, detail = NULL, flaws = '[]', raw = ''",
    "devices": "elder_id = NULL",
    "rule_episodes": "evidence = '{}', sentence = ''",
    "covers": f"reason = '{GONE}'",
    "openings": f"reason = '{GONE}', address = NULL",
    "service_requests": "words = NULL",
    "visits": "findings = NULL, concerns = '{}', lat = NULL, lon = NULL, accuracy = NULL, metres = NULL",
    "beds": "elder_id = NULL, since = NULL",
    "held_alerts": "",  # a type, a title and times
    "drill_presses": "",
    "access_log": "",  # who looked, and when: under the seals
}
_OWN_DEVICES = "SELECT device_id FROM devices WHERE elder_id = %s"
# What they wore, and when: what a device measured before it came to them, or after, is another person's. A clock may be
# ahead. A device that was theirs before: by what is kept of its changes, from when they had it until it was taken back.
_WORN = """
SELECT key, elder_since, clock_timestamp() + interval '1 day' FROM devices WHERE elder_id = %(id)s
UNION
SELECT d.key, coalesce((
    SELECT max(b.at) FROM changes b
    WHERE b.subject = 'device' AND b.subject_id = c.subject_id AND b.after ? 'elder_id' AND b.at < c.at),
    %(beginning)s), c.at
FROM changes c JOIN devices d ON d.device_id = c.subject_id
WHERE c.subject = 'device' AND c.before ->> 'elder_id' = %(id)s::text
"""
_BY_ALERT = (
    # What was written by hand, and where it was; who moved it when, and what for, is the ledger's.
    "UPDATE alert_timeline SET note = NULL, body = CASE WHEN kind = 'second_opinion' THEN '{{}}'::jsonb ELSE body"
    " - '{{note,sentence,words,place,location,lat,lon,metres,street,detail,evidence}}'::text[] END"
    " WHERE alert_id IN {ids}",
    "UPDATE responder_answers SET note = NULL WHERE alert_id IN {ids}",
    "DELETE FROM alert_whereabouts WHERE alert_id IN {ids}",
    "DELETE FROM handover_links WHERE alert_id IN {ids}",
    "UPDATE station_feed SET alert = jsonb_set(alert, '{{elder,name}}', to_jsonb(%(gone)s::text), false)"
    """ || '{{"place": null, "location": null, "detail": null}}' WHERE alert_id IN {ids}""",
)
_ALERTS = "(SELECT id FROM alerts WHERE elder_id = %(id)s)"
_MORE = (
    "UPDATE service_request_log SET note = NULL, body = '{}'"
    " WHERE request_id IN (SELECT id FROM service_requests WHERE elder_id = %(id)s)",
    "UPDATE rule_versions SET reason = %(gone)s WHERE rule_id IN (SELECT id FROM rules WHERE elder_id = %(id)s)",
    "DELETE FROM visit_photos WHERE visit_id IN (SELECT id FROM visits WHERE elder_id = %(id)s)",
    "DELETE FROM device_commands WHERE device_id = ANY(%(devices)s)",
    "DELETE FROM command_results WHERE device_id = ANY(%(devices)s)",
    "DELETE FROM quarantine WHERE device_id = ANY(%(devices)s)",
)
# Of every column, also of those that come later. What may not be null has its default.
_COLUMNS = """
SELECT column_name, is_nullable = 'YES' FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = 'elders' AND is_generated = 'NEVER'
  AND column_name NOT IN ('id', 'organization_id', 'name', 'erased_at', 'created_at')
"""
_SILENT = "SELECT set_config('anhu.silent', %s, true)"
# What was said goes, its hash stays, and so the seals hold (trails.py; the same bytes as said_hash).
_SAID = """
UPDATE changes SET before = NULL, after = NULL, salt = NULL, said = sha256(convert_to(
    '36;' || salt::text || octet_length(jsonb_build_array(before, after)::text) || ';'
    || jsonb_build_array(before, after)::text, 'UTF8'))
WHERE subject = 'elder' AND subject_id = %(id)s::text AND said IS NULL AND (before IS NOT NULL OR after IS NOT NULL)
"""
_TOLD = """
INSERT INTO changes (subject, subject_id, what, account_id, actor, address, after)
VALUES ('elder', %s, 'erased', %s, %s, %s, jsonb_build_object('reason', %s::text))
"""


async def erase_person(connection: Connection, actor: Actor, elder_id: UUID, reason: str) -> None:
    """All or nothing; again it changes nothing. Raises UnknownNameError, NotPossibleError while somebody may be in
    need."""
    values = {"id": elder_id, "gone": GONE} | (actor.caller.parameters if actor.caller else {})
    within = f" AND {reach.ELDER_P}" if actor.caller else ""
    async with changes_by(connection, actor):
        row = await (await connection.execute(_ELDER + within + _LOCK, values)).fetchone()
        if row is None:
            raise UnknownNameError(f"elder {elder_id}")
        if row[1] is not None:
            return
        if await (await connection.execute(_OPEN, (elder_id,))).fetchone() is not None:
            raise NotPossibleError("an alert of theirs is unresolved", "这位老人还有未处置完的告警，请先处置")
        own = await (await connection.execute(_OWN_DEVICES, (elder_id,))).fetchall()
        values |= {"devices": [one[0] for one in own], "beginning": erasing.BEGINNING}
        await _erase_measured(connection, values)
        await connection.execute(_SILENT, ("on",))
        for statement in (*(one.format(ids=_ALERTS) for one in _BY_ALERT), *_MORE):
            await connection.execute(statement, values)
        for table in DELETED:
            await connection.execute(f"DELETE FROM {table} WHERE elder_id = %(id)s", values)
        for table, change in BLANKED.items():
            if change:
                await connection.execute(f"UPDATE {table} SET {change} WHERE elder_id = %(id)s", values)
        await _empty(connection, elder_id)
        await connection.execute(_SAID, values)
        # Whoever pressed meanwhile is in need, and their alert has the address: all of it is taken back.
        if await (await connection.execute(_OPEN, (elder_id,))).fetchone() is not None:
            told = "这位老人刚刚又发出告警，没有删除，请先处置"
            raise NotPossibleError("an alert of theirs was raised meanwhile", told)
        await connection.execute(_SILENT, ("off",))
        who = (str(elder_id), actor.account_id, actor.name, actor.address, reason)
        await connection.execute(_TOLD, who)


async def _erase_measured(connection: Connection, values: dict[str, Any]) -> None:
    """Readings and what was made of them. Noted, so that upkeep looks at it once more."""
    worn = await (await connection.execute(_WORN, values)).fetchall()
    state = await (await connection.execute(erasing.STATE)).fetchone()
    assert state is not None, "the migration made this row"
    aggregates = await (await connection.execute(erasing.AGGREGATES)).fetchall() if state[0] == "aggregates" else []
    how = erasing.kept(state, dict(aggregates))
    for key, since, until in worn:
        stretch = erasing.Stretch(key, since, until)
        if since >= how.now:
            continue
        for statement, filled in (*erasing.erasing(stretch, how), erasing.noting(stretch, how)):
            await connection.execute(statement, filled)


async def _empty(connection: Connection, elder_id: UUID) -> None:
    columns = await (await connection.execute(_COLUMNS)).fetchall()
    emptied = ", ".join(f"{name} = {'NULL' if nullable else 'DEFAULT'}" for name, nullable in columns)
    statement = f"UPDATE elders SET name = %s, erased_at = clock_timestamp(), {emptied} WHERE id = %s"
    await connection.execute(statement, (GONE, elder_id))
