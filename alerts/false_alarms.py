"""Learns from how alerts were closed how many of them were none, once an hour, by `anhu upkeep`; and reads it beside an
alert."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection

from alerts.domain.alert import Alert
from alerts.domain.false_alarms import MISTAKEN, OVER, REAL, Closed, Whose, rate, sentence

EVERY: Final = timedelta(hours=1)

_ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtextextended('anhu false alarms', 0))"
# The row of no type says when it was made, though there be no alerts.
_DUE = "SELECT NOT EXISTS (SELECT FROM false_alarms WHERE type = '' AND made_at > %s)"
_LEARN = """
INSERT INTO false_alarms (type, whose, name, closed, mistaken, made_at)
SELECT type, whose, name, count(*), count(*) FILTER (WHERE outcome = ANY(%(mistaken)s)), %(now)s
FROM (SELECT a.type, a.outcome, w.whose, w.name FROM alerts a LEFT JOIN devices d ON d.device_id = a.device_id,
      LATERAL (VALUES ('elder', a.elder_id::text), ('model', d.model), ('all', '')) AS w (whose, name)
      WHERE a.raised_at > %(since)s AND a.outcome = ANY(%(known)s) AND NOT a.drill AND w.name IS NOT NULL) AS closed
GROUP BY type, whose, name
UNION ALL SELECT '', 'all', '', 0, 0, %(now)s
"""
_OF = """
SELECT f.whose, f.name, f.closed, f.mistaken FROM false_alarms f
WHERE f.type = %(type)s AND (f.whose = 'all' OR f.whose = 'elder' AND f.name = %(elder)s
      OR f.whose = 'model' AND f.name = (SELECT model FROM devices WHERE device_id = %(device)s))
ORDER BY f.whose
"""


@dataclass(frozen=True, slots=True)
class Learned:
    whose: Whose
    name: str
    own: Closed
    rate: float
    sentence: str | None


def learn_false_alarms(connection: psycopg.Connection[Any], now: datetime, ended: Callable[[], bool]) -> int:
    """A step of upkeep: 1 when they were made anew."""
    with connection.transaction():
        free = connection.execute(_ONE_AT_A_TIME).fetchone()
        due = connection.execute(_DUE, (now - EVERY,)).fetchone()
        if ended() or not (free and free[0] and due and due[0]):
            return 0
        connection.execute("DELETE FROM false_alarms")
        known = [*MISTAKEN, *REAL]
        connection.execute(_LEARN, {"mistaken": list(MISTAKEN), "known": known, "now": now, "since": now - OVER})
    return 1


async def learned_of(connection: AsyncConnection[Any], alert: Alert) -> list[Learned]:
    """What is known of this alert's elder and of its device's model, for alerts of its type."""
    asked = {"type": alert.type, "elder": alert.elder and str(alert.elder.id), "device": alert.device_id}
    of_all, found = Closed(), []
    # In the order of the alphabet `all` comes first.
    for whose, name, closed, mistaken in await (await connection.execute(_OF, asked)).fetchall():
        own = Closed(closed, mistaken)
        if whose == "all":
            of_all = own
        else:
            kind = Whose(whose)
            found.append(Learned(kind, name, own, rate(own, of_all), sentence(kind, name, alert.type, own)))
    return found
