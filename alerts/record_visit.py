"""A visit is recorded, with its photographs: one transaction each. Sent again, it is kept once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from alerts.domain.alert import Actor, Position
from alerts.domain.jpeg import Photo
from alerts.domain.places import metres_between
from alerts.domain.visits import COUNTS, Result
from alerts.visit_dues import beijing_day, note_visited

Connection = AsyncConnection[Any]

#: A telephone without a network keeps a visit so long; what is older is a mistake of the date.
LATEST = timedelta(days=7)
#: A telephone's clock may be ahead.
AHEAD = timedelta(minutes=10)

_HOME = "SELECT organization_id, lat, lon, clock_timestamp() FROM elders WHERE id = %s"
_INSERT = """
INSERT INTO visits (id, elder_id, organization_id, visitor_id, visitor_name, visited_at, result, findings, concerns,
                    lat, lon, accuracy, metres)
VALUES (%(id)s, %(elder_id)s, %(organization_id)s, %(visitor_id)s, %(visitor_name)s, %(visited_at)s, %(result)s,
        %(findings)s, %(concerns)s, %(lat)s, %(lon)s, %(accuracy)s, %(metres)s)
ON CONFLICT (id) DO NOTHING
"""
_PHOTO = """
INSERT INTO visit_photos (visit_id, position, width, height, bytes) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (visit_id, position) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """`id` is the telephone's own; `visited_at` None: now."""

    id: UUID
    elder_id: UUID
    result: Result
    visited_at: datetime | None = None
    findings: str | None = None
    concerns: Sequence[str] = ()
    position: Position | None = None


class WrongTimeError(ValueError):
    """When it was cannot be; says so in Chinese."""


async def record_visit(connection: Connection, visit: Visit, who: Actor) -> None:
    """The caller has seen that the elder is there. Raises WrongTimeError."""
    async with connection.transaction():
        row = await (await connection.execute(_HOME, (visit.elder_id,))).fetchone()
        assert row is not None
        organization_id, lat, lon, now = row
        visited_at = visit.visited_at or now
        if not now - LATEST <= visited_at <= now + AHEAD:
            raise WrongTimeError("巡访时间只能是最近 7 天以内")
        here = visit.position
        home = Position(lat, lon) if lat is not None else None
        values = {
            "id": visit.id,
            "elder_id": visit.elder_id,
            "organization_id": organization_id,
            "visitor_id": who.id,
            "visitor_name": who.name,
            "visited_at": visited_at,
            "result": visit.result.value,
            "findings": visit.findings,
            "concerns": list(visit.concerns),
            "lat": here.lat if here else None,
            "lon": here.lon if here else None,
            "accuracy": here.accuracy if here else None,
            "metres": round(metres_between(here, home)) if here and home else None,
        }
        new = (await connection.execute(_INSERT, values)).rowcount
        if new and visit.result in COUNTS:
            await note_visited(connection, visit.elder_id, beijing_day(visited_at))


async def add_photo(connection: Connection, visit_id: UUID, position: int, photo: Photo) -> None:
    """The one that is there stays."""
    await connection.execute(_PHOTO, (visit_id, position, photo.width, photo.height, photo.data))
