"""Who looked at an elder's location or health, and when: kept for the elder's family and the auditor."""

from collections.abc import Sequence
from uuid import UUID

from services.registry.reach import Caller
from services.storage.pool import Connection

# A screen that loads the same card again at each change is one look; each look through a camera is one of its own.
_LOOK = """
INSERT INTO access_log (at, account_id, elder_id, alert_id, what, address)
SELECT now(), %(account)s, e.id, %(alert)s, %(what)s, %(address)s FROM unnest(%(elders)s::uuid[]) AS e (id)
WHERE NOT EXISTS (
    SELECT FROM access_log WHERE elder_id = e.id AND account_id = %(account)s AND what = %(what)s
       AND alert_id IS NOT DISTINCT FROM %(alert)s AND at > now() - interval '5 minutes' AND what <> 'camera'
       AND (address IS NOT DISTINCT FROM %(address)s OR what NOT IN ('task', 'task_offer', 'handover_link')))
"""

_RESPONDER_PHONE = "INSERT INTO access_log (at, account_id, what, address) VALUES (now(), %s, %s, %s)"


async def record_look(
    connection: Connection, caller: Caller, what: str, elder_id: UUID, *, alert_id: UUID | None, address: str | None
) -> None:
    """`what`: alert, elder, readings, episodes, rules, fences, handover or camera."""
    await record_looks(connection, caller, what, [elder_id], alert_id=alert_id, address=address)


async def record_looks(
    connection: Connection,
    caller: Caller,
    what: str,
    elder_ids: Sequence[UUID],
    *,
    alert_id: UUID | None,
    address: str | None,
) -> None:
    """At many in one list. `what`: also call_list, trial and family."""
    await _record(connection, caller.account_id, what, elder_ids, alert_id, address)


async def record_phones(connection: Connection, caller: Caller, elder_id: UUID, address: str | None) -> None:
    """Numbers that were masked were asked for."""
    await _record(connection, caller.account_id, "phones", [elder_id], None, address)


async def record_phone_of_responder(
    connection: Connection, caller: Caller, responder_id: UUID, address: str | None
) -> None:
    await connection.execute(_RESPONDER_PHONE, (caller.account_id, f"phone of responder {responder_id}", address))


async def record_look_by_link(
    connection: Connection, account_id: UUID, what: str, elder_id: UUID, *, alert_id: UUID, address: str
) -> None:
    """Without signing in. `what`: task, or task_offer before they go, by whom the link was sent to; handover_link, by
    who made it, since whoever has it may look: each address apart."""
    await _record(connection, account_id, what, [elder_id], alert_id, address)


async def _record(
    connection: Connection,
    account_id: UUID,
    what: str,
    elder_ids: Sequence[UUID],
    alert_id: UUID | None,
    address: str | None,
) -> None:
    parameters = {
        "account": account_id,
        "elders": list(elder_ids),
        "alert": alert_id,
        "what": what,
        "address": address,
    }
    await connection.execute(_LOOK, parameters)
