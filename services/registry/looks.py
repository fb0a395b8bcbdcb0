"""Who looked at an elder's location or health, and when: kept for the elder's family and the auditor."""

from collections.abc import Sequence
from uuid import UUID

from services.registry.reach import Caller
from services.storage.pool import Connection

# A screen that loads the same card again at each change is one look.
_LOOK = """
INSERT INTO access_log (at, account_id, elder_id, alert_id, what, address)
SELECT now(), %(account)s, e.id, %(alert)s, %(what)s, %(address)s FROM unnest(%(elders)s::uuid[]) AS e (id)
WHERE NOT EXISTS (
    SELECT FROM access_log WHERE elder_id = e.id AND account_id = %(account)s AND what = %(what)s
       AND alert_id IS NOT DISTINCT FROM %(alert)s AND at > now() - interval '5 minutes')
"""


async def record_look(
    connection: Connection, caller: Caller, what: str, elder_id: UUID, *, alert_id: UUID | None, address: str | None
) -> None:
    """`what`: alert, elder, readings, episodes, rules or fences."""
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
    parameters = {
        "account": caller.account_id,
        "elders": list(elder_ids),
        "alert": alert_id,
        "what": what,
        "address": address,
    }
    await connection.execute(_LOOK, parameters)
