"""When a station counts as watched, and who is missed there."""

from datetime import timedelta
from uuid import UUID

from alerts.domain.policy import Watch
from alerts.domain.watching import Now, Watched, Why, absent, look, note
from tests.unit.domain.making import CITY, STATION, STREET, after

NOBODY, ONE = Now(0, None), Now(1, None)


def watched(*looks: tuple[float, Now]) -> Watched:
    known = Watched(STATION)
    for at, found in looks:
        known = look(known, found, after(at))
    return known


def test_where_nobody_ever_watched_nobody_is_missed() -> None:
    known = watched((0, NOBODY), (3600, NOBODY))
    assert known == Watched(STATION)
    assert not absent(known, after(3600))


def test_a_look_of_a_minute_is_no_watch_and_one_of_half_an_hour_is() -> None:
    assert not watched((0, ONE), (60, NOBODY), (3600, NOBODY)).expected
    assert not watched((0, ONE), (1790, ONE), (1792, NOBODY)).expected
    known = watched((0, ONE), (1800, ONE), (1802, NOBODY))
    assert (known.expected, known.why, known.unwatched_since) == (True, Why.NO_SCREEN, after(1802))
    assert [absent(known, after(at)) for at in (1802, 1821.9, 1822)] == [False, False, True]


def test_a_reconnect_is_no_absence() -> None:
    known = watched((0, ONE), (1800, ONE), (1802, NOBODY), (1814, ONE), (1816, NOBODY))
    assert not absent(known, after(1830))
    assert known.unwatched_since == after(1816)


def test_a_roster_or_the_policy_says_that_somebody_is_expected() -> None:
    for found in (Now(0, 1), Now(0, None, Watch.ALWAYS)):
        known = watched((0, found))
        assert (known.expected, known.why) == (True, Why.NO_SCREEN)
    known = watched((0, Now(1, 0)))
    assert (known.expected, known.why, known.watched_since) == (True, Why.NOBODY_ON_DUTY, after(0))
    assert watched((0, Now(1, 1))).why is None
    assert watched((0, Now(1, 2)), (300, Now(0, 2, Watch.NEVER))) == Watched(STATION)


def test_the_alert_is_at_the_organisation_above_and_at_the_root_its_own() -> None:
    known = watched((0, Now(0, 0)))
    noted = note(known, "某站（虚构）", (CITY, STREET, STATION), None, UUID(int=5), after(20))
    assert (noted.type, noted.organization_id, noted.place) == ("station.unwatched", STREET, "某站（虚构）")
    assert noted.since + timedelta(seconds=20) == noted.noted_at
    assert note(Watched(CITY, True, None, after(0), Why.NO_SCREEN), "市", (CITY,), None, UUID(int=5), after(20))
    assert note(known, "某站", (STATION,), None, UUID(int=5), after(20)).organization_id == STATION
