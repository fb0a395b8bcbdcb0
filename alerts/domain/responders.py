"""Who is asked to go: the nearest who can and may. Pure.

Near is as the crow flies from where the elder is now, from where the responder last said to be, if that was lately,
else from their home. What streets and stairs make of it nobody here knows.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from alerts.domain.alert import Position
from alerts.domain.places import metres_between
from alerts.domain.rules.fence import Hours, in_hours

#: The circle of a quarter of an hour (一刻钟养老服务圈): 12 km/h, an electric bicycle in narrow streets.
REACH_METRES: Final = 3_000.0
#: After this a position that somebody gave says nothing: then their home counts.
SEEN_LASTS: Final = timedelta(minutes=30)
#: Asked at once when nobody says how many: of few somebody answers, of many nobody feels meant.
ASKED_AT_ONCE: Final = 3
MOST_AT_ONCE: Final = 20


class Kind(StrEnum):
    GRID_WORKER = "grid_worker"  # 网格员
    VILLAGE_DOCTOR = "village_doctor"  # 村医
    VOLUNTEER = "volunteer"  # 志愿者
    NEIGHBOUR = "neighbour"  # 邻居
    SOCIAL_WORKER = "social_worker"  # 社工
    PARTY_MEMBER = "party_member"  # 党员
    YOUNG_ELDER = "young_elder"  # 低龄健康老年人
    STATION_STAFF = "station_staff"  # 站点工作人员
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Candidate:
    account_id: UUID
    name: str
    #: of the elder's own organisation, or of one below it
    of_home: bool
    skills: frozenset[str] = frozenset()
    hours: tuple[Hours, ...] = ()
    home: Position | None = None
    seen: Position | None = None
    seen_at: datetime | None = None
    #: on the way to somebody, or with them
    busy: bool = False
    #: asked about this alert before, whatever they said
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    account_id: UUID
    name: str
    #: None: nobody knows where the elder is, or the responder
    metres: int | None


def whereabouts(
    home: Position | None, seen: Position | None, seen_at: datetime | None, now: datetime
) -> Position | None:
    """Where somebody is taken to be."""
    lately = seen is not None and seen_at is not None and now - seen_at <= SEEN_LASTS
    return seen if lately else home


def nearest(
    candidates: Iterable[Candidate],
    elder_at: Position | None,
    now: datetime,
    limit: int,
    skills: Collection[str] = (),
    within: float = REACH_METRES,
    *,
    again: bool = False,
) -> list[Chosen]:
    """At most `limit`, the nearest first; each has all the skills, is within their hours, is not busy, and, but for
    `again`, was not asked yet. Of those whose distance is unknown only the elder's own people are asked, after all
    others."""
    found: list[tuple[bool, float, UUID, Chosen]] = []
    for one in candidates:
        if one.busy or (one.asked and not again) or not set(skills) <= one.skills or not in_hours(one.hours, now):
            continue
        at = whereabouts(one.home, one.seen, one.seen_at, now)
        if at is not None and elder_at is not None:
            metres = metres_between(at, elder_at)
            if metres <= within:
                found.append((False, metres, one.account_id, Chosen(one.account_id, one.name, round(metres))))
        elif one.of_home:
            found.append((True, 0.0, one.account_id, Chosen(one.account_id, one.name, None)))
    found.sort(key=lambda each: each[:3])
    return [chosen for *_, chosen in found[: max(0, limit)]]
