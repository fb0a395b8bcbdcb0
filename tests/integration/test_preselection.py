"""What PostgreSQL preselects of stored readings loses nothing: a trial finds what is found by playing all of them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, event, example, given
from hypothesis import strategies as st
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from alerts.backtest import Trial, backtest
from alerts.domain.rules.definition import json_of
from alerts.domain.rules.evaluate import episodes
from alerts.domain.rules.model import Baseline, Condition, Direction, Limit, Rule, Sample, Score, Subject
from alerts.domain.rules.trying import TRIED_ID, TRIED_VERSION, Period
from tests.parts.examples import examples
from tests.unit.domain.rules.making import CITY, OWN_FAST, SLOW, at, minutes, rule, subject

#: Some of each are beyond a limit, and some at it. Three digits are what four bytes keep of them.
_VALUES = {
    "heart_rate": (72, 72, 90, 90.4, 91, 100.1, 111, 119.999, 120, 120.001, 134, 45, 38),
    "respiratory_rate": (16, 16, 20, 20.5, 21, 24, 25, 8),
    "spo2": (97, 97, 96, 95.9, 94, 92, 91, 88),
    "systolic": (130, 110, 100, 95, 219.5),
    "body_temperature": (36.6, 36.04, 36.1, 38.1, 39.2, 35.0),
}
_COLUMNS = (*_VALUES, "worn")
_COPY = f"COPY readings (device_key, ts, seq, received_at, {', '.join(_COLUMNS)}) FROM STDIN"


@dataclass(frozen=True)
class Person:
    subject: Subject
    history: list[Sample]


def a_condition(chance: Random) -> Condition:
    value = chance.choice([90.0, 100.1, 120.0])
    return chance.choice(
        [
            Limit("heart_rate", Direction.ABOVE, value, value - chance.choice([0.1, 10, 30])),
            Limit("spo2", Direction.BELOW, 95.9, 96.5),
            SLOW,
            OWN_FAST,
            Score(chance.randint(2, 5), chance.random() < 0.3, minutes(chance.choice([1, 10, 60]))),
            Score(chance.randint(4, 7), chance.random() < 0.3),
        ]
    )


def a_rule(chance: Random, **named: Any) -> Rule:
    times = [minutes(chance.choice(of)) for of in ((0, 1, 5, 10), (0, 5), (1, 5, 30))]
    lasting, clear_after, gap = times
    return rule(a_condition(chance), lasting=lasting, clear_after=clear_after, gap=gap, **named)


def a_person(chance: Random) -> Person:
    """Devices that say the same for a while, each some of it, with pauses, at times at one instant, at times off."""
    history = []
    for device in ("wb-1", "bed-1")[: chance.randint(1, 2)]:
        said = chance.sample(sorted(_VALUES), chance.randint(1, 5))
        minute = float(chance.randint(0, 30))
        for _ in range(chance.randint(1, 12)):
            values: dict[str, float | bool] = {name: chance.choice(_VALUES[name]) for name in said}
            if chance.random() < 0.2:
                values["worn"] = False
            every = chance.choice([0.5, 1, 1, 5])
            for _ in range(chance.randint(1, 15)):
                some = {name: value for name, value in values.items() if name == "worn" or chance.random() < 0.7}
                history.append(Sample(at(minute), some, device))
                minute += every
            minute += chance.choice([0, 0, 0, 4, 20, 90])
    usual = Baseline(chance.choice([60.0, 80.0]), chance.choice([3.0, 10.0]), 300)
    return Person(
        subject(
            elder_id=uuid7(),
            organization_path=(CITY,),
            baselines={"heart_rate": usual},
            spo2_scale_2=chance.random() < 0.3,
        ),
        history,
    )


def store(connection: psycopg.Connection[Any], people: list[Person], in_force: Rule) -> None:
    run = connection.cursor()
    run.execute("TRUNCATE organizations, rules CASCADE")
    run.execute("DELETE FROM readings")
    run.execute("INSERT INTO organizations (id, tier, name) VALUES (%s, 'city', '某市（虚构）')", (CITY,))
    run.execute("INSERT INTO rules (id, key, version) VALUES (%s, %s, 1)", (in_force.id, in_force.key))
    run.execute(
        "INSERT INTO rule_versions (rule_id, version, definition, changed_by_name, reason)"
        " VALUES (%s, 1, %s, '李某（虚构）', '试验')",
        (in_force.id, Jsonb(json_of(in_force))),
    )
    keys = {}
    for person in people:
        who, usual = person.subject, person.subject.baselines["heart_rate"]
        run.execute(
            "INSERT INTO elders (id, organization_id, name, spo2_scale_2) VALUES (%s, %s, '某人（虚构）', %s)",
            (who.elder_id, CITY, who.spo2_scale_2),
        )
        run.execute(
            "INSERT INTO elder_baselines VALUES (%s, 'heart_rate', %s, %s, %s, now())",
            (who.elder_id, usual.median, usual.spread, usual.hours),
        )
        for device in ("wb-1", "bed-1"):
            run.execute(
                "INSERT INTO devices (device_id, kind, organization_id, elder_id)"
                " VALUES (%s, 'wristband', %s, %s) RETURNING key",
                (f"{device}-{who.elder_id}", CITY, who.elder_id),
            )
            [keys[who.elder_id, device]] = run.fetchone() or []
    with run.copy(_COPY) as copy:
        for person in people:
            for seq, one in enumerate(person.history):
                key = keys[person.subject.elder_id, one.device_id]
                copy.write_row((key, one.at, seq, one.at, *(one.values.get(name) for name in _COLUMNS)))


def played(asked: Rule, people: list[Person], period: Period, begin: datetime) -> list[tuple[Any, ...]]:
    """By playing everything that there is of everybody."""
    found = []
    for person in people:
        within = [one for one in person.history if begin <= one.at <= period.until]
        for one in episodes(asked, person.subject, within, period.until):
            if period.has(one.raised_at):
                found.append((person.subject.elder_id, one.began_at, one.raised_at, one.cleared_at))
    return sorted(found, key=lambda one: (one[2], one[0]))


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


# What a seed makes is not shrunk: an example takes a third of a second.
@examples(
    6,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(80879)  # limits that are whole numbers for one person and not for another
@given(st.integers(0, 2**32))
def test_a_trial_finds_what_is_in_all_readings(
    database_url: str, connection: psycopg.Connection[Any], seed: int
) -> None:
    chance = Random(seed)
    tried, in_force = a_rule(chance, id=TRIED_ID, version=TRIED_VERSION), a_rule(chance, id=uuid7())
    people = [a_person(chance) for _ in range(25)]
    start = chance.randint(0, 60)
    period = Period(at(start), at(start + chance.randint(30, 600)))
    store(connection, people, in_force)
    result = asyncio.run(backtest(database_url, Trial(tried, [CITY], period), processes=0))
    begin = min(period.begin_of(tried), period.begin_of(in_force))
    wanted = played(tried, people, period, begin)
    event("episodes" if wanted else "none")
    found = [
        (
            UUID(one["elder_id"]),
            *(one[name] and datetime.fromisoformat(one[name]) for name in ("began_at", "raised_at", "ended_at")),
        )
        for one in reversed(result["episodes"])
    ]
    assert result["tried"]["alerts"] == len(wanted)
    assert found == wanted[-len(found) :] if found else not wanted
    assert result["in_force"]["alerts"] == len(played(in_force, people, period, begin))
    assert result["readings"] == sum(period.has(one.at) for person in people for one in person.history)
