"""From the press to whoever is called, on a real database: who is told, once; what is copied; who watches."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from alerts.domain.alert import Severity, State
from alerts.domain.transitions import Acknowledge, Dispatch, Resolve
from alerts.policies import Outdated
from alerts.rehearse import rehearse_at
from alerts.station_watch import watch_stations
from tests.parts.tiers import Tiers, tiers_at

FAST: dict[str, Any] = {
    "name": "快",
    "plans": [
        {
            "severities": ["red"],
            "unanswered": [
                {"after_seconds": 0, "who": ["operators", "caregivers"]},
                {"after_seconds": 20, "who": ["tier_above"], "every_seconds": 20},
            ],
        }
    ],
}


@pytest.fixture
async def tiers(database_url: str) -> AsyncIterator[Tiers]:
    async with tiers_at(database_url) as tiers:
        yield tiers


async def seconds_left(tiers: Tiers, alert_id: UUID, kind: str = "escalate") -> float | None:
    statement = (
        "SELECT extract(epoch FROM due_at - clock_timestamp())::float AS left FROM alert_timers"
        " WHERE alert_id = %s AND kind = %s"
    )
    rows = await tiers.rows(statement, alert_id, kind)
    return rows[0]["left"] if rows else None


async def test_a_press_commits_no_more_than_its_timers_and_all_else_comes_after(tiers: Tiers) -> None:
    alert = await tiers.press()
    rows = await tiers.rows("SELECT kind, rank FROM alert_timers WHERE alert_id = %s ORDER BY kind", alert)
    assert rows == [{"kind": "escalate", "rank": 0}, {"kind": "plan", "rank": 0}]
    assert await tiers.told(alert) == []
    await tiers.planned()
    assert await tiers.told(alert) == [(tiers.daughter, "caregiver")]
    [entry] = await tiers.timeline(alert, "notified")
    assert entry["body"]["to"] == [{"id": str(tiers.daughter), "name": "陈女（虚构）", "why": "caregiver"}]
    assert (entry["body"]["stage"], entry["body"]["step"], entry["version"]) == ("unanswered", 1, 1)
    assert len(await tiers.frames()) == 1, "telling somebody is no news for a screen"
    left = await seconds_left(tiers, alert)
    assert left is not None
    assert 55 < left <= 60


async def test_family_that_is_not_to_be_told_is_not_said_to_be_told(tiers: Tiers) -> None:
    await tiers.connection.execute("UPDATE consents SET withdrawn_at = now()")
    alert = await tiers.press()
    await tiers.planned()
    assert await tiers.told(alert) == []
    assert [entry["body"]["to"] for entry in await tiers.timeline(alert, "notified")] in ([], [[]])


async def test_it_climbs_through_five_tiers_each_with_whoever_is_on_shift_there(tiers: Tiers) -> None:
    await tiers.has_shift(tiers.path[2], tiers.operators["street"])
    alert = await tiers.press()
    for _ in range(6):
        await tiers.passes(alert)
    assert await tiers.routed(alert) == list(reversed(tiers.path))
    assert await tiers.told(alert) == [(tiers.daughter, "caregiver"), (tiers.operators["street"], "tier")]
    steps = [entry["body"] for entry in await tiers.timeline(alert, "escalated")]
    assert [(body["step"], body["round"]) for body in steps] == [(2, 0), (2, 1), (2, 2), (2, 3)]
    assert await tiers.rows("SELECT 1 FROM alert_timers WHERE alert_id = %s", alert) == []


async def test_a_plan_that_was_never_made_holds_up_no_climb_and_is_made_then(tiers: Tiers) -> None:
    alert = await tiers.press()
    await tiers.connection.execute(
        "UPDATE alert_timers SET due_at = clock_timestamp() + CASE kind WHEN 'plan' THEN interval '1 h' ELSE '0' END"
        " WHERE alert_id = %s",
        (alert,),
    )
    await tiers.acted()
    assert len(await tiers.routed(alert)) == 2
    assert await tiers.told(alert) == [(tiers.daughter, "caregiver")]
    assert await seconds_left(tiers, alert, "plan") is None


async def test_who_has_it_and_goes_quiet(tiers: Tiers) -> None:
    await tiers.has_shift(tiers.point, tiers.operators["point"])
    alert = await tiers.press()
    await tiers.planned()
    taken = await tiers.moves(alert, Acknowledge())
    left = await seconds_left(tiers, alert)
    assert left is not None
    assert 175 < left <= 180
    await tiers.passes(alert)
    [row] = await tiers.rows("SELECT state, attention, holder_name FROM alerts WHERE id = %s", alert)
    assert row == {"state": "acknowledged", "attention": True, "holder_name": taken.holder.name}
    assert (await tiers.frames())[-1]["attention"] is True, "it sounds again"
    assert (await tiers.frames())[-1]["moves"][0] == "acknowledge", "anybody may take it"
    await tiers.passes(alert)
    assert await tiers.routed(alert) == [tiers.point, tiers.path[3]]
    again = await tiers.moves(alert, Acknowledge())
    assert (again.attention, again.version) == (False, 5), "the same person with the same body: it was asked again"
    assert (await tiers.moves(alert, Acknowledge())).version == 5, "and a repeat of that is a repeat"
    await tiers.moves(alert, Dispatch("赵某（虚构）"))
    left = await seconds_left(tiers, alert)
    assert left is not None
    assert 895 < left <= 900
    told = [why for who, why in await tiers.told(alert) if who == tiers.operators["point"]]
    duty = [why for why in told if why != "update"]
    assert duty == ["duty", "duty"], "at the raise, and when nothing more happened"
    await tiers.moves(alert, Resolve("assisted"))
    assert await tiers.rows("SELECT 1 FROM alert_timers WHERE alert_id = %s", alert) == []


async def test_an_edit_changes_no_running_rescue(tiers: Tiers) -> None:
    assert await tiers.has_policy(tiers.path[1], FAST) == 1
    before = await tiers.press()
    await tiers.planned()
    assert {why for _, why in await tiers.told(before)} == {"tier", "caregiver"}
    slow = FAST | {"plans": [{"severities": ["red"], "undispatched": [{"after_seconds": 7, "attention": True}]}]}
    assert await tiers.has_policy(tiers.path[1], slow) == Outdated(1), "somebody else was faster"
    assert await tiers.has_policy(tiers.path[1], slow, version=1) == 2
    await tiers.passes(before)
    left = await seconds_left(tiers, before)
    assert left is not None
    assert left <= 20, "by the policy of its raise"
    await tiers.moves(before, Acknowledge())
    left = await seconds_left(tiers, before)
    assert left is not None
    assert left > 170
    await tiers.connection.execute(
        "UPDATE alerts SET state = 'resolved', outcome = 'assisted' WHERE id = %s", (before,)
    )
    after = await tiers.press()
    await tiers.planned()
    await tiers.moves(after, Acknowledge())
    left = await seconds_left(tiers, after)
    assert left is not None
    assert left <= 7
    [kept] = await tiers.rows("SELECT policy_version FROM alert_escalations WHERE alert_id = %s", after)
    assert kept == {"policy_version": 2}
    assert await tiers.has_policy(tiers.point, FAST) == 1, "the nearest wins"
    held, calls = await rehearse_at(tiers.connection, tiers.path, Severity.RED, State.TRIGGERED, datetime.now(UTC))
    assert held.organization_id == tiers.point
    assert [round(call.after.total_seconds()) for call in calls] == [0, 20, 40, 60, 80]


async def test_a_policy_that_cannot_be_read_is_as_if_it_were_not_there(tiers: Tiers) -> None:
    await tiers.has_policy(tiers.point, FAST)
    await tiers.connection.execute("UPDATE escalation_policy_versions SET definition = '{\"plans\": 7}'")
    alert = await tiers.press()
    await tiers.planned()
    assert await tiers.told(alert) == [(tiers.daughter, "caregiver")]


# Nobody watching --------------------------------------------------------------------------------------


async def has_screen(tiers: Tiers, organization_id: UUID) -> UUID:
    key: UUID = uuid7()
    await tiers.connection.execute(
        "INSERT INTO station_screens (id, organization_id, account_id, opened_at, alive_at, watching)"
        " VALUES (%s, %s, %s, now(), clock_timestamp(), true)",
        (key, organization_id, tiers.operators["point"]),
    )
    return key


async def time_goes_on(tiers: Tiers, **span: float) -> None:
    """What was noted of screens was noted so long ago; each screen goes on answering."""
    await tiers.connection.execute(
        "UPDATE station_watch"
        " SET watched_since = watched_since - %(span)s, unwatched_since = unwatched_since - %(span)s",
        {"span": timedelta(**span)},
    )
    await tiers.connection.execute("UPDATE station_screens SET alive_at = clock_timestamp() WHERE closed_at IS NULL")
    await watch_stations(tiers.connection)
    await tiers.acted()


async def test_a_station_that_nobody_watches_any_more_is_an_alert_above_and_its_alerts_are_shown_there(
    tiers: Tiers,
) -> None:
    unwatched = "SELECT * FROM alerts WHERE type = 'station.unwatched' ORDER BY raised_at"
    alert = await tiers.press()
    await tiers.planned()
    await time_goes_on(tiers, hours=1)
    assert await tiers.routed(alert) == [tiers.point], "where there never was anybody, it is the contract's minute"
    screen = await has_screen(tiers, tiers.point)
    await time_goes_on(tiers, seconds=0)
    await time_goes_on(tiers, minutes=31)
    await tiers.connection.execute("UPDATE station_screens SET closed_at = now() WHERE id = %s", (screen,))
    await time_goes_on(tiers, seconds=0)
    await time_goes_on(tiers, seconds=10)
    assert await tiers.routed(alert) == [tiers.point], "a reconnect is not an absence"
    await time_goes_on(tiers, seconds=11)
    assert await tiers.routed(alert) == [tiers.point, tiers.path[3]]
    [entry] = await tiers.timeline(alert, "escalated")
    assert entry["body"]["why"] == "no_screen"
    [one] = await tiers.rows(unwatched)
    assert (one["severity"], one["organization_id"], one["detail"]["area"]) == (
        "orange",
        tiers.path[3],
        "point（虚构）",
    )
    assert one["device_id"] == f"station-{tiers.point}"
    await time_goes_on(tiers, hours=1)
    assert len(await tiers.rows(unwatched)) == 1, "one while it lasts"
    assert await tiers.routed(alert) == [tiers.point, tiers.path[3]], "nobody is missed above"
    await has_screen(tiers, tiers.point)
    await time_goes_on(tiers, seconds=0)
    [one] = await tiers.rows(unwatched)
    assert (one["state"], one["detail"]["restored_at"] is None) == ("triggered", False), "a person closes it"
    assert await tiers.routed(alert) == [tiers.point, tiers.path[3]], "never taken off"


async def test_nobody_on_shift_is_as_nobody_watching(tiers: Tiers) -> None:
    await tiers.has_shift(tiers.point, tiers.operators["point"])
    await has_screen(tiers, tiers.point)
    await time_goes_on(tiers, seconds=0)
    await time_goes_on(tiers, minutes=5)
    alert = await tiers.press()
    await time_goes_on(tiers, seconds=30)
    assert await tiers.routed(alert) == [tiers.point], "on shift, and a screen that is watched"
    away = (uuid7(), tiers.point, tiers.operators["point"])
    await tiers.connection.execute(
        "INSERT INTO duty_changes (id, organization_id, kind, account_id, begins_at, ends_at, made_by_name)"
        " VALUES (%s, %s, 'absence', %s, now() - interval '1 h', now() + interval '1 h', '何伟（虚构）')",
        away,
    )
    await time_goes_on(tiers, seconds=0)
    await time_goes_on(tiers, seconds=21)
    assert await tiers.routed(alert) == [tiers.point, tiers.path[3]]
    [one] = await tiers.rows("SELECT detail FROM alerts WHERE type = 'station.unwatched'")
    assert one["detail"]["why"] == "nobody_on_duty"
