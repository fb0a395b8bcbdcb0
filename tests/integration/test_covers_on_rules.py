"""Covers and rules on readings, on a real database: what is held, counted, raised after all, and never held."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from alerts.domain.alert import Actor
from alerts.domain.cover_check import LONGEST, Wanted
from alerts.domain.holding import Kind
from alerts.end_cover import end_cover
from alerts.make_cover import make_cover
from alerts.uncover import mark_uncovered
from alerts.watch import look_at_next
from tests.parts.ward import CRITICAL, HIGH, Ward, ward_at

QUICK: dict[str, Any] = HIGH | {"lasting_seconds": 0, "clear_after_seconds": 60}


@pytest.fixture
async def ward(database_url: str) -> AsyncIterator[Ward]:
    async with ward_at(database_url) as ward:
        yield ward


async def covered(ward: Ward, kind: Kind = Kind.SILENCE, **over: Any) -> UUID:
    """For an hour, over the elder when nothing else is said."""
    wanted = Wanted(
        kind, None, datetime.now(UTC) + timedelta(hours=1), "试验（虚构）", **over or {"elder_id": ward.elder}
    )
    made = await make_cover(ward.connection, wanted, LONGEST, _actor(ward))
    assert isinstance(made, UUID), made
    return made


def _actor(ward: Ward) -> Actor:
    return Actor(ward.account, "李某（虚构）")


async def held(ward: Ward) -> list[dict[str, Any]]:
    return await ward.rows("SELECT * FROM held_alerts ORDER BY first_at, id")


async def test_a_silence_holds_counts_and_lets_go_at_its_end(ward: Ward) -> None:
    await ward.has_rule(QUICK)
    silence = await covered(ward)
    ward.measured([0], heart_rate=134)
    ward.measured([1, 2, 3], heart_rate=80)
    ward.measured([4], heart_rate=140)
    await ward.looked()
    assert await ward.alerts() == []
    [row] = await held(ward)
    assert (row["reason"], row["cover_id"], row["type"]) == ("silence", silence, "rule.heart_rate_high")
    assert (row["severity"], row["title"], row["times"], row["elder_id"]) == ("yellow", "心率过高", 2, ward.elder)
    assert [one["held"] for one in await ward.episodes()] == ["silenced", "silenced"]

    await ward.looked()
    assert await mark_uncovered(ward.connection) == 0, "it waits for its cover, and costs no look"
    await ward.connection.execute("UPDATE covers SET starts_at = starts_at - interval '2 hours', ends_at = now()")
    assert await mark_uncovered(ward.connection) == 1, "found by whoever runs now: nobody had to remember it"
    await ward.looked()
    [alert] = await ward.alerts()
    over, on = await ward.episodes()
    assert (over["alert_id"], over["ended"], on["alert_id"], on["held"]) == (None, "clear", alert["id"], None)
    assert (await held(ward))[0]["alert_id"] == alert["id"]
    assert await mark_uncovered(ward.connection) == 0


async def test_an_end_before_its_time_lets_go_unless_another_cover_holds(ward: Ward) -> None:
    await ward.has_rule(QUICK)
    silence, stay = await covered(ward), await covered(ward, Kind.HOSPITAL)
    ward.measured([0], heart_rate=134)
    await ward.looked()
    [row] = await held(ward)
    assert row["cover_id"] == stay, "of two the one that ends last"
    await end_cover(ward.connection, stay, _actor(ward))
    await ward.looked()
    assert await ward.alerts() == []
    assert [(one["cover_id"], one["times"]) for one in await held(ward)] == [(stay, 1), (silence, 1)]
    assert await mark_uncovered(ward.connection) == 0
    await end_cover(ward.connection, silence, _actor(ward))
    await ward.looked()
    assert len(await ward.alerts()) == 1
    [ended] = await ward.rows("SELECT * FROM covers WHERE id = %s", stay)
    assert (ended["ended_by"], ended["over_at"]) == (ward.account, ended["ended_at"])


async def test_red_is_raised_when_no_cover_can_even_be_read(ward: Ward) -> None:
    """What is red is committed before anybody asks about covers; the rest is tried again."""
    await ward.has_rule(QUICK)
    await ward.has_rule(CRITICAL, lasting_seconds=0)
    await ward.connection.execute("ALTER TABLE covers RENAME TO hidden")
    ward.measured([0], heart_rate=160)
    assert await look_at_next(ward.connection, ward.book) is True
    [alert] = await ward.alerts()
    assert (alert["type"], alert["severity"]) == ("rule.heart_rate_critical", "red")
    with pytest.raises(psycopg.errors.UndefinedTable):
        await look_at_next(ward.connection, ward.book)
    await ward.connection.execute("ALTER TABLE hidden RENAME TO covers")
    await ward.looked()
    assert [(one["key"], one["held"]) for one in await ward.episodes()] == [
        ("heart_rate_critical", None),
        ("heart_rate_high", "covered"),
    ]
    [row] = await held(ward)
    assert (row["reason"], row["type"], row["severity"]) == ("inhibition", "rule.heart_rate_high", "yellow")
    assert row["inhibited_by"] == (await ward.episodes())[0]["id"]


async def test_red_is_raised_under_every_kind_of_cover_and_frees_nothing_else(ward: Ward) -> None:
    await ward.has_rule(QUICK)
    await ward.has_rule(CRITICAL, lasting_seconds=0, clear_after_seconds=60)
    for kind, over in (
        (Kind.SILENCE, {"elder_id": ward.elder}),
        (Kind.SILENCE, {"organization_id": ward.city}),
        (Kind.SILENCE, {"device_ids": frozenset({"wb-1"})}),
        (Kind.MAINTENANCE, {"organization_id": ward.city}),
        (Kind.MAINTENANCE, {"device_ids": frozenset({"wb-1"})}),
        (Kind.HOSPITAL, {"elder_id": ward.elder}),
        (Kind.HOLIDAY, {"elder_id": ward.elder}),
    ):
        await covered(ward, kind, **over)
    ward.measured([0, 1], heart_rate=160)
    await ward.looked()
    [alert] = await ward.alerts()
    assert alert["severity"] == "red"
    ward.measured([2, 3, 4], heart_rate=130)  # not critical any more: the yellow one is covered by people now
    await ward.looked()
    assert [one["held"] for one in await ward.episodes()] == [None, "silenced"]
    assert len(await ward.alerts()) == 1


async def test_the_tables_refuse_a_held_red(ward: Ward) -> None:
    await ward.has_rule(CRITICAL, lasting_seconds=0)
    ward.measured([0], heart_rate=160)
    await ward.looked()
    with pytest.raises(psycopg.errors.CheckViolation):
        await ward.connection.execute("UPDATE rule_episodes SET held = 'silenced'")
    cover = await covered(ward)
    for kind, severity in (("rule.heart_rate_critical", "red"), ("sos", "yellow"), ("fall", "orange")):
        with pytest.raises(psycopg.errors.CheckViolation):
            await ward.connection.execute(
                "INSERT INTO held_alerts (id, reason, cover_id, type, severity, title, device_id, organization_id,"
                " cause, first_at, last_at)"
                " VALUES (gen_random_uuid(), 'silence', %s, %s, %s, '-', 'wb-1', %s, 'wb-1', now(), now())",
                (cover, kind, severity, ward.station),
            )
    with pytest.raises(psycopg.errors.CheckViolation):
        await ward.connection.execute("UPDATE covers SET types = '{fall}'")
    with pytest.raises(psycopg.errors.CheckViolation):
        await ward.connection.execute("UPDATE covers SET ends_at = starts_at + interval '31 days'")


async def test_what_keeps_coming_back_asks_three_times_more_and_is_then_only_counted(ward: Ward) -> None:
    await ward.has_rule(QUICK)
    asked = []
    for burst in range(6):
        ward.measured([10 * burst], heart_rate=134)
        ward.measured([10 * burst + 1, 10 * burst + 2.5], heart_rate=80)
        await ward.looked()
        [alert] = await ward.alerts()
        asked.append(alert["attention"])
        await ward.connection.execute("UPDATE alerts SET state = 'acknowledged', attention = false")
    assert asked == [False, True, True, True, False, False], "the first one waits to be answered at all"
    assert alert["occurrences"] == 6
    kinds = await ward.timeline(alert["id"])
    assert [kind for kind in kinds if kind != "recovered"] == ["raised", *["folded"] * 3, *["fluctuated"] * 2]


async def test_a_red_one_that_keeps_coming_back_asks_each_time(ward: Ward) -> None:
    await ward.has_rule(CRITICAL, lasting_seconds=0, clear_after_seconds=60)
    for burst in range(6):
        ward.measured([10 * burst], heart_rate=160)
        ward.measured([10 * burst + 1, 10 * burst + 2.5], heart_rate=80)
        await ward.looked()
        [alert] = await ward.alerts()
        assert alert["attention"] == (burst > 0)
        await ward.connection.execute("UPDATE alerts SET state = 'acknowledged', attention = false")
