"""Trials as rows: claimed, begun again after a death, given up, stopped; and slow for nobody else."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import AsyncConnection

from alerts.domain.alert import Actor
from alerts.trials import ask_trial, run_next, stop_trial, tried
from tests.parts.waiting import PATIENCE
from tests.parts.ward import HIGH, Ward, ward_at


@pytest.fixture
async def ward(database_url: str) -> AsyncIterator[Ward]:
    async with ward_at(database_url) as ward:
        ward.measured(range(20), heart_rate=134)
        yield ward


async def asked(ward: Ward, definition: dict[str, Any] = HIGH) -> UUID:
    actor = Actor(ward.account, "李某（虚构）")
    return await ask_trial(ward.connection, tried(definition), ward.at(-30), ward.at(300), [ward.city], actor)


async def row(ward: Ward, trial_id: UUID) -> dict[str, Any]:
    [found] = await ward.rows("SELECT * FROM rule_trials WHERE id = %s", trial_id)
    return found


async def died(ward: Ward, trial_id: UUID, attempts: int) -> None:
    """Whoever ran it has said nothing for a minute."""
    await ward.connection.execute(
        "UPDATE rule_trials SET state = 'running', progress = 0.7, attempts = %s,"
        " noted_at = clock_timestamp() - interval '1 minute' WHERE id = %s",
        (attempts, trial_id),
    )


async def test_trials_are_run_in_the_order_in_which_they_were_asked(ward: Ward) -> None:
    first, second = await asked(ward), await asked(ward, HIGH | {"mode": "off"})
    assert await run_next(ward.connection, ward.url)
    done = await row(ward, first)
    assert (done["state"], done["progress"], done["attempts"]) == ("done", 1, 1)
    assert done["result"]["tried"]["alerts"] == 1
    assert (await row(ward, second))["state"] == "waiting"
    assert await run_next(ward.connection, ward.url)
    assert (await row(ward, second))["result"]["tried"]["alerts"] == 0
    assert not await run_next(ward.connection, ward.url)


async def test_one_whose_runner_died_is_begun_again(ward: Ward) -> None:
    trial_id = await asked(ward)
    await died(ward, trial_id, attempts=2)
    assert await run_next(ward.connection, ward.url)
    done = await row(ward, trial_id)
    assert (done["state"], done["attempts"]) == ("done", 3)


async def test_one_that_is_running_is_left_alone(ward: Ward) -> None:
    trial_id = await asked(ward)
    await died(ward, trial_id, attempts=1)
    await ward.connection.execute("UPDATE rule_trials SET noted_at = clock_timestamp()")
    assert not await run_next(ward.connection, ward.url)


async def test_one_that_killed_three_is_given_up(ward: Ward) -> None:
    trial_id = await asked(ward)
    await died(ward, trial_id, attempts=3)
    assert not await run_next(ward.connection, ward.url)
    failed = await row(ward, trial_id)
    assert (failed["state"], failed["result"]) == ("failed", None)
    assert failed["error"].startswith("试运行没有完成")


async def test_what_fails_is_tried_again_and_then_said(ward: Ward) -> None:
    trial_id = await asked(ward)
    # Nothing that the database takes back later, but a fault of this very trial.
    await ward.connection.execute(
        "ALTER TABLE elders ALTER care_categories DROP NOT NULL; UPDATE elders SET care_categories = NULL"
    )
    for state in ("waiting", "waiting", "failed"):
        assert await run_next(ward.connection, ward.url)
        assert (await row(ward, trial_id))["state"] == state
    assert not await run_next(ward.connection, ward.url)


async def test_one_that_is_stopped_lets_go_within_seconds(ward: Ward) -> None:
    """Readings are locked, so that it cannot end by itself."""
    trial_id = await asked(ward)
    with psycopg.connect(ward.url) as other:
        other.execute("LOCK TABLE readings")
        async with await AsyncConnection.connect(ward.url, autocommit=True) as connection:
            running = asyncio.create_task(run_next(connection, ward.url))
            waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database"
            waits += " WHERE datname = current_database())"
            async with asyncio.timeout(10 * PATIENCE):
                while not await ward.rows(waits):
                    await asyncio.sleep(0.02)
            assert (await row(ward, trial_id))["state"] == "running"
            await stop_trial(ward.connection, trial_id)
            async with asyncio.timeout(10 * PATIENCE):
                assert await running
            assert await ward.rows(waits) == [], "its question to the database has ended too"
    assert (await row(ward, trial_id))["state"] == "stopped"
    assert not await run_next(ward.connection, ward.url)


async def test_who_was_taken_for_dead_ends_nothing(ward: Ward) -> None:
    """Its attempt is not the one that counts."""
    trial_id = await asked(ward)
    with psycopg.connect(ward.url) as other:
        other.execute("LOCK TABLE readings")
        running = asyncio.create_task(run_next(ward.connection, ward.url))
        patiently = asyncio.timeout(10 * PATIENCE)
        async with patiently, await AsyncConnection.connect(ward.url, autocommit=True) as connection:
            took = "UPDATE rule_trials SET attempts = 2 WHERE id = %s AND state = 'running'"
            while not (await connection.execute(took, (trial_id,))).rowcount:
                await asyncio.sleep(0.02)
            assert await running
    now = await row(ward, trial_id)
    assert (now["state"], now["attempts"], now["result"]) == ("running", 2, None)
    assert now["ends_at"] - now["starts_at"] == timedelta(minutes=330)
