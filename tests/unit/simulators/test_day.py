"""A simulated day: the same for the same seed, in order, and true."""

import json
import statistics
from datetime import date, datetime, timedelta
from typing import Any

from simulators.day.bouts import Kind
from simulators.day.town import Said, Setting, Town

ON = date(2026, 11, 21)
STEP = timedelta(minutes=5)
SMALL = Setting(16, ON, design_every=2, interval=timedelta(minutes=15), at_station=8)


def day_of(setting: Setting) -> list[Said]:
    return [said for _, batch in Town(setting).said(STEP) for said in batch]


def test_a_seed_makes_one_day() -> None:
    tiny = Setting(4, ON, design_every=2, interval=timedelta(hours=1))
    assert day_of(tiny) == day_of(tiny)
    assert Town(SMALL).truth() == Town(SMALL).truth()
    assert Town(Setting(16, ON, seed=2, design_every=2)).truth() != Town(SMALL).truth()


def test_what_is_said_comes_in_order_within_its_step() -> None:
    ends = []
    for end, batch in Town(SMALL).said(STEP):
        ends.append(end)
        assert all(end - STEP <= said.at < end or said.at == end for said in batch)
    assert ends == [ends[0] + number * STEP for number in range(288)]


def test_to_each_eighth_something_of_every_kind_happens_by_design() -> None:
    kinds = [one["kind"] for one in Town(SMALL).truth() if one["by_design"]]
    assert sorted(kinds) == sorted(
        ["fibrillation", "slow_heart", "infection", "hypoxia", "fall", "call", "wandering", "not_back_in_bed"]
    )


def test_a_slow_heart_is_measured_while_it_is_slow() -> None:
    town = Town(SMALL)
    (person,) = [person for person in town.people if any(bout.kind is Kind.SLOW_HEART for bout in person.bouts)]
    bout = next(bout for bout in person.bouts if bout.kind is Kind.SLOW_HEART)
    inside, outside = [], []
    for at, _, payload in person.readings(person.wristband):
        reading: dict[str, Any] = json.loads(payload)
        if "heart_rate" in reading:
            (inside if bout.on(at) else outside).append(reading["heart_rate"])
    assert abs(statistics.mean(inside) - bout.felt["heart_rate"]) < 6
    assert statistics.mean(outside) > bout.felt["heart_rate"] + 10


def test_a_station_that_is_cut_off_says_it_all_when_it_is_back() -> None:
    town = Town(SMALL)
    begin, back = town.cut
    late: list[Said] = []
    for end, batch in town.said(timedelta(minutes=30)):
        mine = [said for said in batch if int(said.device_id.rsplit("-", 1)[1]) // 8 == town.CUT_STATION]
        if begin < end <= back:
            assert not mine
        if back < end <= back + timedelta(minutes=30):
            late = [said for said in mine if said.leaf == "up/readings"]
    measured = [datetime.fromisoformat(json.loads(said.payload)["ts"]) for said in late]
    assert sum(begin <= at < back for at in measured) >= 8 * 4
    (outage,) = [one for one in town.truth() if one["kind"] == "cut_off"]
    assert (outage["begin"], outage["end"]) == (begin.isoformat(), back.isoformat())


def test_a_false_fall_may_be_cancelled_and_a_cancel_names_its_fall() -> None:
    town = Town(Setting(200, ON, design_every=10_000))
    told = [json.loads(said.payload) for person in town.people for said in person.events()]
    falls = {one["event_id"] for one in told if one["type"] == "fall"}
    cancels = [one["cancels"] for one in told if one["type"] == "cancel"]
    assert cancels
    assert set(cancels) <= falls
    false = [one for one in town.truth() if one["kind"] == "false_fall"]
    assert len(cancels) == sum(one["felt"]["cancels"] for one in false)
    assert not any(one["needs_help"] for one in false)
