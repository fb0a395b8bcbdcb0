"""Where the elder is counts, not only where they are registered: which station is asked beside their own, and what is
said of the place, so that nobody is sent to an empty home. Pure.

Stations are only added: whoever has an alert on their screens keeps it there.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from alerts.domain.alert import Alert, Change, Entry, Position, Severity, Tell
from alerts.domain.places import metres_between
from alerts.domain.rules.fence import error_of

#: Where no organisation says otherwise: beyond the circle in which the people of home are there in a quarter of an
#: hour (`responders.REACH_METRES`). Nearer, a second station would only be one more that thinks the other goes.
AWAY_METRES: Final = 3_000
#: A community's station is asked when it is so near; else whoever is there above it, a street's or a district's.
STATION_METRES: Final = 10_000.0
#: Farther than this nobody is near.
CENTRE_METRES: Final = 100_000.0
#: Those that answer for a neighbourhood, before those that answer for an area.
_FIRST: Final = frozenset({"community", "care_home"})
#: The words around an address that is not where the elder is.
_AWAY, _HOME_IS = "不在家，", "（住址："


@dataclass(frozen=True, slots=True)
class Station:
    id: UUID
    name: str
    tier: str
    at: Position
    #: from the root to it, itself included
    path: tuple[UUID, ...]


def metres_away(position: Position, home: Position | None, limit: float) -> tuple[bool, int | None]:
    """Whether the elder is certainly away from home, and how far: what the fix may be wrong by counts for home."""
    if home is None:
        return False, None
    metres = metres_between(position, home)
    return metres - error_of(position.accuracy) > limit, round(metres)


def station_there(stations: Iterable[Station], position: Position) -> Station | None:
    """The nearest that answers for where the elder is; None: nobody is near."""
    by_way = sorted(((metres_between(one.at, position), one.id, one) for one in stations), key=lambda each: each[:2])
    for metres, _, one in by_way:
        if metres <= STATION_METRES and one.tier in _FIRST:
            return one
    return next((one for metres, _, one in by_way if metres <= CENTRE_METRES and one.tier != "point"), None)


def away_from_home(
    alert: Alert,
    position: Position,
    there: Station | None,
    routed: Collection[UUID],
    home_path: Sequence[UUID],
    metres: int,
    on_shift: Mapping[UUID, str] = MappingProxyType({}),
) -> Change:
    """The place says where the elder is; the alert is on the screens of the station there, whoever is on shift there
    (`on_shift`, by name) is told as at the raise of one of its own, and a line tells the elder's own station. Nothing
    is shared when who is there has it already, or is its own station, or one above that it climbs to anyway;
    when nobody is there, a line says so."""
    told = replace(alert, place=place_away(alert.place, position, metres), version=alert.version + 1)
    if there is None:
        return Change(told, (Entry("away", body={"metres": metres}),))
    if there.id in routed or there.id in home_path:
        return Change(told, ())
    body: dict[str, Any] = {"metres": metres, "organization_id": str(there.id), "name": there.name}
    shared = Change(told, (Entry("shared", body=body),), route=(there.id, "shared"))
    if alert.severity not in (Severity.RED, Severity.ORANGE):
        return shared
    return _telling(shared, f"shared.{there.id}", "shared", "duty", on_shift)


def away_above(alert: Alert, station: UUID, above: UUID, why: str, on_shift: Mapping[UUID, str]) -> Change:
    """The organisation above a station where an elder is who is away, and where nobody watches; nobody is taken off."""
    body = {"organization_id": str(above), "why": why, "unwatched": str(station)}
    told = replace(alert, version=alert.version + 1)
    change = Change(told, (Entry("escalated", body=body),), route=(above, "escalated"))
    return _telling(change, f"unwatched.{above}", why, "tier", on_shift)


def _telling(change: Change, key: str, why: str, as_what: str, people: Mapping[UUID, str]) -> Change:
    if not people:
        return change
    to = [{"id": str(one), "name": name, "why": as_what} for one, name in people.items()]
    tell = tuple(Tell(one, f"{change.alert.id}/{key}", as_what) for one in people)
    return replace(change, entries=(*change.entries, Entry("notified", body={"why": why, "to": to})), tell=tell)


def back_home(alert: Alert) -> Change | None:
    """None: the place is that of home already."""
    place = _home_of(alert.place)
    return None if place == alert.place else Change(replace(alert, place=place, version=alert.version + 1), ())


def place_away(place: str | None, position: Position, metres: int) -> str:
    """What is read to 120: where to look first, and the address after it."""
    far = f"{metres / 1000:.0f} 公里" if metres >= 10_000 else f"{metres / 1000:.1f} 公里"
    home = _home_of(place)
    where = f"{_AWAY}离家约 {far}，定位北纬 {position.lat:.5f} 东经 {position.lon:.5f}"
    return f"{where}{_HOME_IS}{home}）" if home else where


def _home_of(place: str | None) -> str | None:
    if place is None or not place.startswith(_AWAY):
        return place
    return place.partition(_HOME_IS)[2].removesuffix("）") or None
