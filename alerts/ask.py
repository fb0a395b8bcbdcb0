"""A person at a station asks the nearest who can go, several at once. One transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from alerts import ledger
from alerts.domain.alert import Actor, Alert, Change, Entry, Refusal, Tell
from alerts.domain.responders import Chosen
from alerts.domain.transitions import STATE_WORDS
from alerts.responders import find_nearest

Connection = AsyncConnection[Any]

#: The same wish of the same person within this is the one whose answer was lost, and asks nobody more.
_REPEAT_SECONDS = 10
_ASKED_JUST_NOW = """
SELECT 1 FROM alert_timeline WHERE alert_id = %s AND kind = 'asked' AND account_id = %s AND body -> 'wish' = %s
   AND at > clock_timestamp() - make_interval(secs => %s) LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Asked:
    alert: Alert
    #: empty: nobody more was found, or this was a repeat
    chosen: Sequence[Chosen]


async def ask_responders(
    connection: Connection, alert_id: UUID, actor: Actor, limit: int, skills: Collection[str] = ()
) -> Asked | Refusal | None:
    """Asks at most `limit` more by a notice each; None when there is no such alert."""
    wish = {"limit": limit, "skills": sorted(skills)}
    async with connection.transaction():
        locked = await ledger.lock_alert(connection, alert_id)
        if locked is None:
            return None
        alert, now = locked
        if not alert.unresolved:
            return Refusal(f"当前状态是“{STATE_WORDS[alert.state]}”，不用再请人前往", alert.state, alert.holder)
        repeat = await connection.execute(_ASKED_JUST_NOW, (alert_id, actor.id, Jsonb(wish), _REPEAT_SECONDS))
        if await repeat.fetchone():
            return Asked(alert, ())
        chosen = await find_nearest(connection, alert_id, limit, skills)
        # That nobody was found is known afterwards too: why nobody came is asked then.
        people = [{"id": str(one.account_id), "name": one.name, "metres": one.metres} for one in chosen]
        entry = Entry("asked", actor, body={"wish": wish, "responders": people})
        tell = tuple(Tell(one.account_id, f"responder {alert_id}", "responder") for one in chosen)
        change = Change(replace(alert, version=alert.version + 1), (entry,), tell=tell)
        await ledger.save(connection, alert, change, now)
        return Asked(change.alert, chosen)
