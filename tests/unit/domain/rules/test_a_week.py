"""A week of some elders in a second: what befalls them is made by the simulators, which know nothing of the rules, and
the built-in rules judge what their devices measured. People are invented."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from alerts.domain.alert import Severity
from alerts.domain.rules.built_in import BUILT_IN
from alerts.domain.rules.built_in_living import BUILT_IN_LIVING
from alerts.domain.rules.evaluate import episodes
from alerts.domain.rules.fence_definition import fence_of
from alerts.domain.rules.model import Episode, Mode, Sample, Subject
from alerts.domain.rules.scope import severity_for
from simulators.day.bouts import Bout, Kind
from simulators.day.population import Resident
from simulators.day.worn import Underneath, Worn
from simulators.devices.model import Model, moment
from simulators.devices.person import Span

MONDAY = date(2026, 11, 16)
WEEK = timedelta(days=7)
START = moment(MONDAY, 0)
EVERY_FIVE = timedelta(minutes=5)


def day(number: int, hour: float) -> datetime:
    """0 is Monday."""
    return START + timedelta(days=number, hours=hour)


def well(who: str) -> Resident:
    """Somebody in the middle of what is usual, who wears the wristband."""
    person = Resident(7, who)
    person.resting_heart_rate, person.spo2, person.temperature, person.systolic = 78, 97, 36.5, 135
    person.wears_it, person.apnoea, person.dementia = True, False, False
    return person


def week_of(model: Model, device_id: str) -> Iterator[Sample]:
    at = START
    while at < START + WEEK:
        values: dict[str, Any] = dict(model.measure(at))
        place: Mapping[str, Any] = values.pop("location", {})
        values |= {name: place[name] for name in ("lat", "lon", "accuracy") if name in place}
        yield Sample(at, values, device_id)
        at += model.period


def told(samples: Sequence[Sample], **known: Any) -> dict[str, list[Episode]]:
    """The episodes of each built-in rule that is live."""
    subject = Subject(UUID(int=1), (UUID(int=2),), **known)
    live = [rule for rule in (*BUILT_IN, *BUILT_IN_LIVING) if rule.mode is Mode.LIVE]
    found = {rule.key: episodes(rule, subject, samples, START + WEEK) for rule in live}
    return {key: of_rule for key, of_rule in found.items() if of_rule}


def wristband(person: Resident, *bouts: Bout) -> list[Sample]:
    worn = Worn(7, f"wb-{person.who}", person, EVERY_FIVE, bouts)
    return list(week_of(worn, f"wb-{person.who}"))


def test_a_week_in_which_nothing_happens_is_quiet() -> None:
    for who in ("calm-1", "calm-2"):
        assert told(wristband(well(who))) == {}


@pytest.mark.parametrize(
    ("kind", "felt", "key", "within"),
    [
        (Kind.FIBRILLATION, {"heart_rate": 140}, "heart_rate_high", 15),
        (Kind.FIBRILLATION, {"heart_rate": 171}, "heart_rate_critical_high", 15),
        (Kind.SLOW_HEART, {"heart_rate": 32}, "heart_rate_critical_low", 15),
        (Kind.HYPOXIA, {"saturation_at": 80, "beats": 12, "breaths": 5}, "spo2_critical_low", 20),
        # A fever takes three hours to rise.
        (Kind.INFECTION, {"degrees": 2.6, "saturation": -2}, "body_temperature_high", 240),
    ],
)
def test_an_illness_of_four_hours_on_wednesday_is_one_episode_on_wednesday(
    kind: Kind, felt: dict[str, Any], key: str, within: float
) -> None:
    hours = 8 if kind is Kind.INFECTION else 4
    bout = Bout(kind, day(2, 9), day(2, 9 + hours), felt=felt)
    (episode,) = told(wristband(well("ill"), bout))[key]
    assert bout.begin <= episode.raised_at <= bout.begin + timedelta(minutes=within)
    assert episode.cleared_at is not None
    assert bout.end <= episode.cleared_at <= bout.end + timedelta(hours=1)


def test_who_goes_astray_on_saturday_is_told_of_while_it_lasts() -> None:
    person = well("astray")
    person.dementia = True
    assert person.home is not None
    centre = {"lat": person.home[0], "lon": person.home[1]}
    shape = {"kind": "circle", "centre": centre, "radius": 500}
    fence = fence_of({"name": "家附近", "keep": "keep_in", "shape": shape}, UUID(int=3), 1)
    bout = Bout(Kind.WANDERING, day(5, 10), day(5, 12), felt={"reach": 1500, "bearing": 1.0})
    known = {"fences": (fence,), "care_categories": frozenset({"失智"})}
    (episode,) = told(wristband(person, bout), **known)["wandering"]
    # 500 m at 50 m/min, and two fixes that are certain.
    assert bout.begin + timedelta(minutes=10) < episode.raised_at <= bout.begin + timedelta(minutes=25)
    assert episode.cleared_at is not None
    assert episode.cleared_at <= bout.end + timedelta(minutes=20)
    rule = next(rule for rule in BUILT_IN_LIVING if rule.key == "wandering")
    assert severity_for(rule, Subject(UUID(int=1), (UUID(int=2),), **known)) is Severity.ORANGE


def test_one_night_of_seven_somebody_does_not_come_back_to_bed() -> None:
    person = well("up")
    person.absent_on, person.long_absence = MONDAY + timedelta(days=3), Span(100, 200)
    samples = list(week_of(Underneath(7, "bed", person), "bed"))
    episode, *others = told(samples)["out_of_bed"]
    left = day(3, 100 / 60)
    assert left <= episode.began_at <= left + timedelta(minutes=1)
    assert timedelta(minutes=30) <= episode.raised_at - left <= timedelta(minutes=32)
    assert episode.cleared_at is not None
    assert timedelta(0) <= episode.cleared_at - day(3, 200 / 60) <= timedelta(minutes=1)
    # Whoever rises for the day before half past five is told of as well: the night of the built-in rule ends at six.
    rises = [
        START + timedelta(days=number, minutes=person.day(MONDAY + timedelta(days=number)).wake) for number in range(7)
    ]
    early = [at for number, at in enumerate(rises) if (at - day(number, 0)) < timedelta(hours=5, minutes=29)]
    assert len(others) == len(early) == 1
    assert timedelta(0) <= others[0].began_at - early[0] <= timedelta(minutes=1)
