"""What is usual for an elder, from two weeks of hours to the alert that is made by it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from alerts import ledger
from alerts.baselines import make_baselines
from alerts.domain.false_alarms import Closed, Whose
from alerts.false_alarms import learn_false_alarms, learned_of
from services.storage.upkeep import Done, keep_up, prepare
from tests.parts.ward import HIGH, Ward, ward_at

OWN = HIGH | {
    "key": "heart_rate_own_high",
    "condition": {
        "kind": "own_limit",
        "field": "heart_rate",
        "direction": "above",
        "spreads": 4,
        "clear_spreads": 2,
        "least_hours": 100,
        "inside": [60, 90],
    },
}


@pytest.fixture
async def ward(database_url: str) -> AsyncIterator[Ward]:
    async with ward_at(database_url) as ward:
        yield ward


def hours_of_five_days() -> list[datetime]:
    """Up to the midnight before the last: a day is rolled up some minutes after its end."""
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    return [end - timedelta(hours=hour) for hour in range(1, 121)]


def upkeep(ward: Ward) -> Done:
    with psycopg.connect(ward.url, autocommit=True) as connection:
        prepare(connection)
        done = keep_up(connection, more={"baselines_made": make_baselines, "false_alarms_learned": learn_false_alarms})
    assert done is not None
    assert done.errors == {}
    return done


async def test_a_heart_that_is_fast_for_this_person(ward: Ward) -> None:
    await ward.has_rule(OWN)
    ward.sent([{"ts": at.isoformat(), "heart_rate": 58 + at.hour % 5} for at in hours_of_five_days()])
    await ward.looked()
    assert await ward.alerts() == [], "nothing is known of this person yet"

    assert upkeep(ward).counts["baselines_made"] == 1
    assert "baselines_made" not in upkeep(ward).counts, "once a day"
    [usual] = await ward.rows("SELECT field, median, hours FROM elder_baselines")
    assert usual == {"field": "heart_rate", "median": 60.0, "hours": 120}

    await ward.compiled()
    ward.measured(range(11), heart_rate=95)
    await ward.looked()
    [alert] = await ward.alerts()
    assert "高于本人平时（60±" in alert["sentence"]
    assert alert["evidence"]["hours"] == 120
    await ward.compiled()
    # An episode that is on ends by the baseline that raised it, whatever is learned meanwhile.
    await ward.connection.execute("UPDATE elder_baselines SET median = 95")
    ward.measured(range(11, 17), heart_rate=70)
    await ward.looked()
    assert [one["ended"] for one in await ward.episodes()] == ["clear"]

    await ward.close(alert["id"])
    await ward.connection.execute("UPDATE alerts SET outcome = 'accidental'")
    await ward.connection.execute("UPDATE devices SET model = 'W100'")
    upkeep(ward)
    assert await ward.rows("SELECT * FROM false_alarms WHERE type <> ''") == [], "once an hour"
    await ward.connection.execute("UPDATE false_alarms SET made_at = made_at - interval '1 hour'")
    assert upkeep(ward).counts["false_alarms_learned"] == 1
    locked = await ledger.lock_alert(ward.connection, alert["id"])
    assert locked is not None
    learned = await learned_of(ward.connection, locked[0])
    assert [(one.whose, one.name, one.own, one.sentence) for one in learned] == [
        (Whose.ELDER, str(ward.elder), Closed(1, 1), None),
        (Whose.MODEL, "W100", Closed(1, 1), None),
    ]
    assert all(0.5 < one.rate < 0.7 for one in learned), "one closing says little"


async def test_days_of_another_wearer_do_not_count(ward: Ward) -> None:
    ward.sent([{"ts": at.isoformat(), "heart_rate": 60} for at in hours_of_five_days()])
    await ward.connection.execute("UPDATE devices SET elder_since = clock_timestamp()")
    upkeep(ward)
    assert await ward.rows("SELECT * FROM elder_baselines") == []
