"""From a reading to the alert of a rule, on a real database: what is marked, looked at, raised, and raised once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import AsyncConnection

from alerts import compile_limits
from alerts.rulebook import RuleBook
from alerts.sift import Sifted, look_at_some, sift
from alerts.watch import look_at_next
from tests.parts.ward import CRITICAL, HIGH, Ward, ward_at


@pytest.fixture
async def ward(database_url: str) -> AsyncIterator[Ward]:
    async with ward_at(database_url) as ward:
        yield ward


async def test_ten_minutes_of_a_fast_heart_are_one_alert_with_its_sentence(ward: Ward) -> None:
    rule = await ward.has_rule()
    ward.measured(range(10), heart_rate=134)
    await ward.looked()
    assert await ward.alerts() == [], "nine minutes are not ten"
    ward.measured([10, 11, 12], heart_rate=134, battery=80)
    await ward.looked()
    [alert] = await ward.alerts()
    assert (alert["type"], alert["severity"], alert["title"]) == ("rule.heart_rate_high", "yellow", "心率过高")
    assert alert["sentence"].startswith("心率 134 次/分，持续 10 分钟，高于本人上限 120")
    assert (alert["rule_id"], alert["rule_version"]) == (rule.id, 1)
    assert alert["evidence"]["value"] == 134
    assert alert["occurred_at"] == ward.at(10)
    assert (alert["device_id"], alert["elder_id"], alert["organization_id"]) == ("wb-1", ward.elder, ward.station)
    assert (alert["received_at"], alert["late_seconds"]) == (ward.at(10), 0)
    [episode] = await ward.episodes()
    assert (episode["began_at"], episode["raised_at"], episode["cleared_at"]) == (ward.at(0), ward.at(10), None)
    assert (episode["alert_id"], alert["event_id"]) == (alert["id"], f"rule-{episode['id']}")


async def test_normal_readings_mark_nobody(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured(range(30), heart_rate=72, spo2=98, battery=4)
    assert await ward.rows("SELECT * FROM rule_checks") == []


async def test_an_elder_who_is_well_again_is_marked_and_recovers_and_a_person_closes_it(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured(range(11), heart_rate=134)
    await ward.looked()
    [alert] = await ward.alerts()
    await ward.compiled()
    ward.measured(range(11, 17), heart_rate=80)
    await ward.looked()
    [episode] = await ward.episodes()
    assert (episode["cleared_at"], episode["ended"]) == (ward.at(16), "clear")
    assert await ward.timeline(alert["id"]) == ["raised", "recovered"]
    [alert] = await ward.alerts()
    assert alert["state"] == "triggered"
    await ward.compiled()
    ward.measured(range(17, 20), heart_rate=80)
    assert await ward.rows("SELECT * FROM rule_checks") == [], "nothing is on: normal readings matter to nobody"


async def test_a_red_one_covers_a_yellow_one_and_lets_it_go_when_it_is_over(ward: Ward) -> None:
    await ward.has_rule()
    await ward.has_rule(CRITICAL, lasting_seconds=300)
    ward.measured(range(11), heart_rate=160)
    await ward.looked()
    [alert] = await ward.alerts()
    assert alert["severity"] == "red"
    timers = await ward.rows("SELECT kind FROM alert_timers WHERE alert_id = %s", alert["id"])
    assert sorted(timer["kind"] for timer in timers) == ["escalate", "plan"]
    red, yellow = await ward.episodes()
    assert (red["severity"], red["held"], red["alert_id"]) == ("red", None, alert["id"])
    assert (yellow["severity"], yellow["held"], yellow["held_by"], yellow["alert_id"]) == (
        *("yellow", "covered"),
        red["id"],
        None,
    )
    await ward.compiled()
    ward.measured(range(11, 17), heart_rate=130)  # not critical any more, and still fast
    await ward.looked()
    assert {one["type"] for one in await ward.alerts()} == {"rule.heart_rate_critical", "rule.heart_rate_high"}
    red, yellow = await ward.episodes()
    assert (red["ended"], yellow["held"], yellow["cleared_at"]) == ("clear", None, None)
    assert yellow["alert_id"] is not None


async def test_what_cannot_have_lasted_yet_is_not_looked_at(ward: Ward) -> None:
    await ward.has_rule(lasting_seconds=300)
    ward.start = datetime.now(UTC) - timedelta(minutes=2)
    ward.measured([0, 1, 2], heart_rate=134)
    await ward.looked()
    await ward.compiled()
    ward.measured([3, 4], heart_rate=134)
    assert await ward.rows("SELECT number FROM rule_checks") == [], "it began two minutes ago, and has to last for five"
    ward.measured([5.5], heart_rate=134)
    await ward.looked()
    [episode] = await ward.episodes()
    assert (episode["began_at"], episode["raised_at"]) == (ward.at(0), ward.at(5.5))


async def test_two_workers_raise_once(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured(range(11), heart_rate=134)

    async def works() -> None:
        async with await AsyncConnection.connect(ward.url, autocommit=True) as connection:
            book = RuleBook()
            for minute in range(11, 21):
                while await look_at_next(connection, book):
                    pass
                await asyncio.to_thread(lambda: None)
                ward.measured([minute], heart_rate=134)

    await asyncio.gather(works(), works(), works())
    await ward.looked()
    [alert] = await ward.alerts()
    assert alert["occurrences"] == 1
    assert len(await ward.episodes()) == 1


async def test_a_look_that_ends_in_the_middle_leaves_its_marks(ward: Ward) -> None:
    """Another worker finds all of the nine minutes, and counts none of them twice."""
    await ward.has_rule()
    ward.measured(range(10), heart_rate=134)
    dying = await AsyncConnection.connect(ward.url)
    await look_at_next(dying, RuleBook())
    ward.measured([10], heart_rate=134)
    await dying.close()  # without a commit
    await ward.looked()
    [episode] = await ward.episodes()
    assert (episode["began_at"], episode["raised_at"]) == (ward.at(0), ward.at(10))
    assert len(await ward.alerts()) == 1


async def test_late_and_doubled_readings_change_nothing_that_is_so_already(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured([0, 4, 8, 12], heart_rate=134)
    ward.measured([0, 4, 8, 12], heart_rate=134)
    await ward.looked()
    assert len(await ward.alerts()) == 1
    ward.measured([2, 6, 10], heart_rate=140)
    ward.measured([-4, -2], heart_rate=134)  # it had begun earlier than was known
    await ward.looked()
    assert len(await ward.alerts()) == 1
    assert len(await ward.episodes()) == 1


async def test_what_was_kept_for_want_of_a_network_is_looked_at_when_it_comes(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured(range(120, 130), heart_rate=72)
    await ward.looked()
    fast = range(20, 40)
    ward.sent([{"ts": ward.at(one).isoformat(), "heart_rate": 134 if one in fast else 72} for one in range(60)])
    await ward.looked()
    [alert] = await ward.alerts()
    assert alert["sentence"].startswith("心率 134 次/分，持续 10 分钟，高于本人上限 120；已恢复；")
    assert alert["late_seconds"] > 3600, "it says how late"
    assert await ward.timeline(alert["id"]) == ["raised", "recovered"]
    [episode] = await ward.episodes()
    assert (episode["raised_at"], episode["cleared_at"]) == (ward.at(30), ward.at(45))


async def test_late_readings_that_refute_it_are_told_and_close_nothing(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured([0, 4, 8, 12], heart_rate=134)
    await ward.looked()
    await ward.compiled()
    ward.measured([6], heart_rate=70)
    await ward.looked()
    [alert] = await ward.alerts()
    assert (alert["state"], await ward.timeline(alert["id"])) == ("triggered", ["raised", "refuted"])
    [episode] = await ward.episodes()
    assert episode["ended"] == "refuted"


async def test_an_end_that_was_none_is_taken_back(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured(range(11), heart_rate=134)
    ward.measured(range(11, 17), heart_rate=80)
    await ward.looked()
    [episode] = await ward.episodes()
    assert episode["ended"] == "clear"
    ward.measured([13.5, 15.5], heart_rate=134)
    await ward.looked()
    [episode] = await ward.episodes()
    assert (episode["ended"], episode["cleared_at"]) == (None, None)
    [alert] = await ward.alerts()
    assert await ward.timeline(alert["id"]) == ["raised", "recovered", "went_on"]


async def test_a_changed_rule_counts_from_there_on_and_the_alert_keeps_its_version(ward: Ward) -> None:
    rule = await ward.has_rule()
    ward.measured(range(11), heart_rate=134)
    await ward.looked()
    stricter = HIGH["condition"] | {"value": 110, "clear": 100}
    changed = await ward.changes_rule(rule, HIGH, title="心率快", condition=stricter)
    ward.measured(range(11, 17), heart_rate=112)  # clear by the version that raised it, beyond the new one's limit
    await ward.looked()
    [first] = await ward.episodes()
    assert (first["version"], first["ended"]) == (1, "clear")
    ward.measured(range(17, 28), heart_rate=112)
    await ward.looked()
    [first, second] = await ward.episodes()
    assert (second["version"], second["began_at"]) == (changed.version, ward.at(17)), "it counts after the first's end"
    [alert] = await ward.alerts()
    assert (alert["rule_version"], alert["title"], alert["occurrences"]) == (1, "心率过高", 2)


async def test_the_same_again_after_it_was_closed_is_a_new_alert(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured(range(11), heart_rate=134)
    ward.measured(range(11, 17), heart_rate=80)
    await ward.looked()
    [alert] = await ward.alerts()
    await ward.close(alert["id"])
    ward.measured(range(30, 41), heart_rate=134)
    await ward.looked()
    assert len(await ward.alerts()) == 2


async def test_what_does_not_end_asks_again_half_an_hour_after_it_was_closed(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured(range(11), heart_rate=134)
    await ward.looked()
    [alert] = await ward.alerts()
    await ward.compiled()
    await ward.close(alert["id"], minutes_ago=100)
    ward.measured(range(240, 310, 5), heart_rate=134)  # the half hour ends at minute 290
    assert await ward.looked() == 0, "nothing new: it is known to be on"
    assert await compile_limits.sweep(ward.connection) == 1
    await ward.looked()
    old, new = await ward.episodes()
    assert (old["ended"], new["began_at"], new["alert_id"]) == (
        *("answered", ward.at(295)),
        (await ward.alerts())[1]["id"],
    )
    await ward.looked()
    assert len(await ward.alerts()) == 2


async def test_shadow_is_looked_at_and_recorded_and_shown_to_nobody(ward: Ward) -> None:
    rule = await ward.has_rule(mode="shadow")
    ward.measured(range(11), heart_rate=134)
    await ward.looked()
    [episode] = await ward.episodes()
    assert (episode["mode"], episode["alert_id"], episode["rule_id"]) == ("shadow", None, rule.id)
    assert episode["sentence"].startswith("心率 134")
    for told in ("alerts", "station_feed", "outbox", "held_alerts", "alert_timers", "alert_timeline"):
        assert await ward.rows(f"SELECT * FROM {told}") == [], told


async def test_a_shadow_that_goes_live_raises_at_once_what_is_on(ward: Ward) -> None:
    rule = await ward.has_rule(mode="shadow")
    ward.measured(range(11), heart_rate=134)
    await ward.looked()
    await ward.changes_rule(rule, HIGH)
    ward.measured([11], heart_rate=134)
    await ward.looked()
    [alert] = await ward.alerts()
    assert alert["rule_version"] == 2


async def test_a_rule_that_is_switched_off_lets_what_is_on_end(ward: Ward) -> None:
    rule = await ward.has_rule()
    ward.measured(range(11), heart_rate=134)
    await ward.looked()
    await ward.changes_rule(rule, HIGH, mode="off")
    ward.measured(range(11, 17), heart_rate=80)
    ward.measured(range(20, 40), heart_rate=134)
    await ward.looked()
    [episode] = await ward.episodes()
    assert episode["ended"] == "clear"
    assert len(await ward.alerts()) == 1


async def test_a_watch_on_the_table_measures_nothing(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured(range(11), heart_rate=134, worn=False)
    await ward.looked()
    assert await ward.episodes() == []


async def test_two_watches_of_one_elder_are_one_heart(ward: Ward) -> None:
    await ward.has_rule()
    await ward.wears("wb-2")
    await ward.compiled()
    ward.measured(range(0, 12, 4), heart_rate=134)
    ward.measured(range(2, 12, 4), "wb-2", heart_rate=136)
    await ward.looked()
    [alert] = await ward.alerts()
    assert alert["device_id"] == "wb-2", "whose sample completed the ten minutes"


async def test_a_device_that_changes_hands_brings_nothing_along(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured(range(11), heart_rate=134)
    [other] = await ward.rows(
        "INSERT INTO elders (id, organization_id, name) VALUES (gen_random_uuid(), %s, '黄某（虚构）') RETURNING id",
        ward.station,
    )
    await ward.connection.execute("UPDATE devices SET elder_id = %s WHERE device_id = 'wb-1'", (other["id"],))
    await ward.connection.execute(
        "INSERT INTO rule_checks (elder_id, since) VALUES (%s, %s)", (other["id"], ward.at(0))
    )
    await ward.looked()
    assert await ward.episodes() == []


async def test_an_own_rule_takes_the_place_of_everybodys(ward: Ward) -> None:
    await ward.has_rule()
    own = await ward.has_rule(
        scope={"elder_id": str(ward.elder)}, condition=HIGH["condition"] | {"value": 140, "clear": 130}
    )
    ward.measured(range(11), heart_rate=134)
    assert await ward.rows("SELECT * FROM rule_checks") == [], "gateways mark by the own limit"
    ward.measured(range(20, 31), heart_rate=144)
    await ward.looked()
    [alert] = await ward.alerts()
    assert alert["rule_id"] == own.id


async def test_an_elder_whose_device_has_no_limits_is_looked_at_all_the_same(ward: Ward) -> None:
    await ward.has_rule()
    await ward.connection.execute("DELETE FROM device_limits")
    ward.limits.of.clear()
    ward.measured(range(11), heart_rate=134)
    assert await ward.rows("SELECT * FROM rule_checks") == []
    assert await compile_limits.sweep(ward.connection) > 0
    await ward.connection.execute("UPDATE rule_checks SET since = %s", (ward.at(0),))
    await ward.looked()
    assert len(await ward.alerts()) == 1
    while await compile_limits.compile_next(ward.connection, ward.book):
        pass
    [limits] = await ward.rows("SELECT limits FROM device_limits")
    assert limits == {"limits": {"heart_rate": [115.001, None]}}, "while it is on, what is clear matters"


async def test_who_was_not_looked_at_for_long_is(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured([0], heart_rate=72)
    await ward.connection.execute("UPDATE device_states SET last_seen_at = clock_timestamp()")
    assert await compile_limits.sweep(ward.connection) == 1
    await ward.looked()
    assert await compile_limits.sweep(ward.connection) == 0
    await ward.connection.execute("UPDATE rule_subjects SET checked_at = checked_at - interval '5 hours'")
    ward.measured([1], heart_rate=72)
    await ward.connection.execute("UPDATE device_states SET last_seen_at = clock_timestamp()")
    assert await compile_limits.sweep(ward.connection) == 1


async def test_readings_are_stored_whatever_happens_to_marks(ward: Ward) -> None:
    await ward.has_rule()
    ward.limits._loaded_at = None
    assert not ward.limits.status()["ok"]
    await ward.connection.execute("ALTER TABLE rule_checks RENAME TO hidden")
    ward.measured(range(11), heart_rate=134)
    assert len(await ward.rows("SELECT * FROM readings")) == 11
    assert await ward.rows("SELECT * FROM quarantine") == []
    assert "rule_checks" in ward.limits.status()["error"]
    await ward.connection.execute("ALTER TABLE hidden RENAME TO rule_checks")
    ward.measured([11], heart_rate=134)
    assert len(await ward.rows("SELECT number FROM rule_checks")) == 1
    assert ward.limits.status()["error"] == "the limits of devices have not been loaded"


async def test_a_version_is_never_edited(ward: Ward) -> None:
    await ward.has_rule()
    for statement in ("UPDATE rule_versions SET reason = '别的'", "DELETE FROM rule_versions"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            await ward.connection.execute(statement)


async def test_an_elder_who_cannot_be_looked_at_holds_nobody_up(ward: Ward) -> None:
    rule = await ward.has_rule()
    ward.measured(range(11), heart_rate=134)
    await ward.connection.execute("ALTER TABLE rule_episodes ADD CHECK (sentence = '')")
    failed = await look_at_next(ward.connection, ward.book)
    assert getattr(failed, "elder_id", None) == ward.elder
    assert await look_at_next(ward.connection, ward.book) is False, "it is tried again later"
    assert await ward.alerts() == []
    await ward.connection.execute("ALTER TABLE rule_episodes DROP CONSTRAINT rule_episodes_sentence_check")
    await ward.connection.execute("UPDATE rule_checks SET not_before = clock_timestamp()")
    await ward.looked()
    assert [alert["rule_id"] for alert in await ward.alerts()] == [rule.id]


async def test_what_was_over_a_day_ago_is_kept_and_raises_nothing_unless_it_is_red(ward: Ward) -> None:
    await ward.has_rule()
    breathing = {"field": "respiratory_rate", "value": 30, "clear": 25}
    await ward.has_rule(CRITICAL, key="breathing_fast", condition=CRITICAL["condition"] | breathing)
    ward.start -= timedelta(hours=24)
    ward.measured(range(11), heart_rate=134, respiratory_rate=34)
    ward.measured(range(11, 17), heart_rate=72, respiratory_rate=16)
    await ward.looked()
    [alert] = await ward.alerts()
    assert alert["severity"] == "red"
    assert {(one["severity"], one["held"]) for one in await ward.episodes()} == {("red", None), ("yellow", "past")}


async def test_who_is_marked_for_nothing_is_sifted_and_who_is_not_is_left(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured([0, 1], heart_rate=134)
    await ward.looked()
    await ward.compiled()
    mark = "INSERT INTO rule_checks (elder_id, since) VALUES (%s, %s)"
    await ward.connection.execute(mark, (ward.elder, ward.at(0)))
    assert await sift(ward.connection, ward.book) == Sifted(1, []), "it began, and has to last"
    assert await ward.rows("SELECT * FROM rule_checks") == []
    ward.measured(range(2, 11), heart_rate=134)
    sifted = await sift(ward.connection, ward.book)
    assert (sifted.done, list(sifted.left)) == (0, [ward.elder])
    assert await ward.rows("SELECT 1 FROM rule_checks") != [], "the mark is there until the look is done"
    await ward.looked()
    assert len(await ward.alerts()) == 1


async def test_of_whom_something_cannot_be_read_nobody_else_waits(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured(range(11), heart_rate=134)
    await ward.looked()
    await ward.connection.execute("""UPDATE rule_subjects SET quiet = '{"until": 5}'""")
    await ward.connection.execute("INSERT INTO rule_checks (elder_id, since) VALUES (%s, %s)", (ward.elder, ward.at(0)))
    looked, [failure] = await look_at_some(ward.connection, ward.book)
    assert (looked, failure.elder_id) == (1, ward.elder)
    assert await look_at_some(ward.connection, ward.book) == (0, ()), "it is tried again later"
