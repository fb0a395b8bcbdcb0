"""Devices that were lost together: one incident of an area, or each for itself. Pure.

A device that fell silent was lost at some moment between its last report and the one that did not come. Devices were
lost together when there are five minutes in which each of them may have been.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

#: A broker tells a will at one and a half keep-alives, which devices set to 30 s to 3 min: after 5 min all are told.
TOGETHER: Final = timedelta(minutes=5)
#: Anhu's own choice. Fewer are called one by one as fast; and a home seldom has five devices.
LEAST_DEVICES: Final = 5
#: Of those of whom anything is known since. Anhu's own choice: chance takes a few in a hundred at a time, and one
#: phase of a street's three takes a third.
LEAST_SHARE: Final = 0.3
#: A source that lives goes on bringing nearly all of its devices.
LEAST_SHARE_OF_SOURCE: Final = 0.8
#: An organisation below that has so much of it is where it happened.
NEARLY_ALL: Final = 0.9
#: From the first that is noted to the look at them: devices at one report a minute are noted within one.
SETTLE: Final = timedelta(minutes=2)
#: How long a silent device waits for company: an interval of its own, since all of the same habit that were lost with
#: it are noted by then; at least, and at most, this.
WAIT_AT_LEAST: Final = timedelta(minutes=5)
WAIT_AT_MOST: Final = timedelta(hours=1)
#: When so many are back, what is still silent has a cause of its own, …
BACK: Final = 0.8
#: … once it had the time to come back too.
RELEASE_AFTER: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Lost:
    """A silent device that has not been spoken of. `path`: from the root to its organisation."""

    condition_id: UUID
    path: tuple[UUID, ...]
    source: str | None
    since: datetime
    #: the report that did not come; for a will the same as `since`
    until: datetime
    noted_at: datetime

    @property
    def window(self) -> tuple[datetime, datetime]:
        """When the five minutes may have begun in which it was lost."""
        return self.since - TOGETHER, min(self.until, self.since + WAIT_AT_MOST)


@dataclass(frozen=True, slots=True)
class Alive:
    """So many devices of one organisation and source were heard since."""

    path: tuple[UUID, ...]
    source: str | None
    devices: int


@dataclass(frozen=True, slots=True)
class Incident:
    """What was lost together, and where."""

    organization_id: UUID
    #: None: it was not one source's
    source: str | None
    lost: tuple[Lost, ...]

    @property
    def first(self) -> datetime:
        return min(one.since for one in self.lost)

    @property
    def last(self) -> datetime:
        return max(one.since for one in self.lost)


@dataclass(frozen=True, slots=True)
class Open:
    """An incident that is on, by the id of its alert."""

    alert_id: UUID
    organization_id: UUID
    source: str | None
    first: datetime
    last: datetime


def wait_for_company(usual: timedelta) -> timedelta:
    return min(max(usual, WAIT_AT_LEAST), WAIT_AT_MOST)


def belongs_to(lost: Lost, incidents: Iterable[Open]) -> Open | None:
    """The incident that it was lost with, the lowest if there are several."""
    begin, end = lost.window
    fitting = [
        one
        for one in incidents
        if one.organization_id in lost.path
        and one.source in (None, lost.source)
        and begin <= one.last
        and end >= one.first - TOGETHER
    ]
    return max(fitting, key=lambda one: lost.path.index(one.organization_id), default=None)


def lost_together(lost: Sequence[Lost], now: datetime) -> list[tuple[Lost, ...]]:
    """Groups of at least LEAST_DEVICES, the largest first, once they have settled."""
    left = sorted(lost, key=lambda one: one.window)
    groups: list[tuple[Lost, ...]] = []
    while len(group := _most_at_once(left)) >= LEAST_DEVICES:
        if now - min(one.noted_at for one in group) >= SETTLE:
            groups.append(group)
        taken = {one.condition_id for one in group}
        left = [one for one in left if one.condition_id not in taken]
    return groups


def _most_at_once(lost: Sequence[Lost]) -> tuple[Lost, ...]:
    """The most whose windows have a moment in common, which is the beginning of one of them."""
    ends = sorted(one.window[1] for one in lost)
    best, moment, over = 0, None, 0
    for begun, one in enumerate(lost, start=1):  # sorted by the beginning
        begin = one.window[0]
        while ends[over] < begin:
            over += 1
        if begun - over > best:
            best, moment = begun - over, begin
    if moment is None:
        return ()
    return tuple(one for one in lost if one.window[0] <= moment <= one.window[1])


def known_since(group: Sequence[Lost]) -> datetime:
    """Whoever is heard later was not lost with them. Silence until then says nothing of the rest."""
    return max(one.since for one in group)


def incidents(group: Sequence[Lost], alive: Sequence[Alive]) -> list[Incident]:
    """Where it happened; none when they were too few of those that are known."""
    found: list[Incident] = []
    left = list(group)
    for source in sorted({one.source for one in group if one.source is not None}):
        of_source = tuple(one for one in left if one.source == source)
        heard = sum(one.devices for one in alive if one.source == source)
        if _enough(len(of_source), heard, LEAST_SHARE_OF_SOURCE) and _is_its_own(of_source, left):
            found.append(Incident(_common(of_source), source, of_source))
            left = [one for one in left if one.source != source]
    for root in sorted({one.path[0] for one in left}):
        found += _below(root, 0, left, alive)
    return found


def _is_its_own(of_source: Sequence[Lost], left: Sequence[Lost]) -> bool:
    """A power cut takes a source's devices with all others: then it is no matter of the source."""
    return len(of_source) >= NEARLY_ALL * len(left)


def _below(organization: UUID, depth: int, lost: Sequence[Lost], alive: Sequence[Alive]) -> list[Incident]:
    here = tuple(one for one in lost if len(one.path) > depth and one.path[depth] == organization)
    if len(here) < LEAST_DEVICES:
        return []
    heard = [one for one in alive if len(one.path) > depth and one.path[depth] == organization]
    branches = Counter(one.path[depth + 1] for one in here if len(one.path) > depth + 1)
    enough = _enough(len(here), sum(one.devices for one in heard), LEAST_SHARE)
    largest = max(branches.values(), default=0)
    if enough and largest < NEARLY_ALL * len(here):
        return [Incident(organization, None, here)]
    deeper = [one for branch in sorted(branches) for one in _below(branch, depth + 1, here, heard)]
    return deeper or ([Incident(organization, None, here)] if enough else [])


def _enough(lost: int, heard: int, share: float) -> bool:
    return lost >= LEAST_DEVICES and lost >= share * (lost + heard)


def _common(lost: Sequence[Lost]) -> UUID:
    """The lowest organisation that has them all."""
    common = lost[0].path
    for one in lost:
        same = [mine for mine, other in zip(common, one.path, strict=False) if mine == other]
        common = tuple(same)
    return common[0] if not common else common[-1]


def mostly_back(lost: int, silent: int) -> bool:
    return lost - silent >= BACK * lost


def releases(back_since: datetime | None, *, closed: bool, now: datetime) -> bool:
    """Whether what is still silent goes on alone. `back_since`: since when four in five are back."""
    return closed or (back_since is not None and now - back_since >= RELEASE_AFTER)


def counted(lost: Iterable[Lost]) -> Mapping[UUID, int]:
    """How many of each organisation: whose screens it concerns."""
    return Counter(one.path[-1] for one in lost)
