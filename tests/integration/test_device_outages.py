"""From devices that say nothing to the alerts of their station and their street, on a real database."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from psycopg import AsyncConnection

from alerts.devices import Rounds, look_after_devices
from alerts.take_in import take_in_next
from tests.parts.district import District, district_at


@pytest.fixture
async def district(database_url: str) -> AsyncIterator[District]:
    async with district_at(database_url) as district:
        yield district


async def test_one_silent_device_is_one_blue_alert_that_says_so_and_is_told_when_it_is_back(district: District) -> None:
    wristbands = await district.has_devices(12, "wb")
    silent, talking = wristbands[3], [name for name in wristbands if name != "wb-03"]
    await district.passes(2, heard=talking)
    assert await district.states() == {}
    await district.passes(1.5, heard=talking)
    assert (await district.states(), await district.alerts()) == ({"noted": 1}, [])
    await district.passes(5, heard=talking)
    [alert] = await district.alerts()
    assert (alert["type"], alert["severity"], alert["title"]) == ("device.offline", "blue", "设备离线")
    assert (alert["device_id"], alert["elder_id"]) == (silent, district.elders[silent])
    assert (alert["organization_id"], alert["state"], alert["late_seconds"]) == (district.station, "triggered", 0)
    assert (alert["detail"]["usual_seconds"], alert["detail"]["restored_at"]) == (60, None)
    assert await district.rows("SELECT * FROM alert_timers WHERE kind <> 'plan'") == []
    await district.passes(60, heard=talking)
    assert len(await district.alerts()) == 1
    await district.passes(1, heard=wristbands)
    [alert] = await district.alerts()
    assert (alert["state"], await district.timeline(alert["id"])) == ("triggered", ["raised", "recovered"])
    assert alert["detail"]["restored_at"] is not None
    await district.passes(5, heard=talking)
    await district.passes(6, heard=talking)
    [alert] = await district.alerts()
    assert (alert["occurrences"], await district.timeline(alert["id"])) == (2, ["raised", "recovered", "folded"])
    assert alert["detail"]["restored_at"] is None


async def test_a_power_cut_is_one_incident_of_the_street_and_a_press_in_it_is_not_kept_waiting(
    district: District,
) -> None:
    here = await district.has_devices(20, "a")
    there = await district.has_devices(25, "b", station=district.other)
    lost, talking = here + there[:20], there[20:]
    await district.passes(3.5, heard=talking)
    assert await district.states() == {"noted": 40}
    await district.sends("sos", here[0])
    await district.passes(2.5, heard=talking)
    assert await district.alerts() == [], "a press goes first"
    assert await take_in_next(district.connection) is True
    [press] = await district.alerts()
    assert press["severity"] == "red"
    await district.heard(talking)
    await district.turn()
    [area] = await district.alerts("area.%")
    assert (area["severity"], area["title"], area["elder_id"]) == ("orange", "片区设备同时失联", None)
    assert (area["organization_id"], area["device_id"]) == (district.street, f"area-{district.street}")
    assert (area["detail"]["area"], area["detail"]["lost"], area["detail"]["restored"]) == ("龙岗街道（虚构）", 40, 0)
    routes = await district.rows("SELECT organization_id, reason FROM alert_routes WHERE alert_id = %s", area["id"])
    assert {row["organization_id"]: row["reason"] for row in routes} == {
        district.street: "home",
        district.station: "shared",
        district.other: "shared",
    }
    await district.passes(90, heard=talking)
    assert (await district.states(), len(await district.alerts("device.%"))) == ({"covered": 40}, 0)

    await district.passes(2, heard=talking + lost[:35])
    await district.passes(2, heard=talking + lost[:35])
    [area] = await district.alerts("area.%")
    assert (area["detail"]["lost"], area["detail"]["restored"]) == (40, 35)
    assert await district.timeline(area["id"]) == ["raised", "progress"]
    assert await district.alerts("device.%") == []
    await district.passes(11, heard=talking + lost[:35])
    assert len(await district.alerts("device.%")) == 0, "they are let go of, and raised by the next turn"
    await district.passes(0.1, heard=talking + lost[:35])
    assert {alert["device_id"] for alert in await district.alerts("device.offline")} == set(lost[35:])
    await district.passes(1, heard=talking + lost)
    await district.passes(1, heard=talking + lost)
    [area] = await district.alerts("area.%")
    assert await district.timeline(area["id"]) == ["raised", "progress", "recovered"]
    assert (area["state"], area["detail"]["restored"]) == ("triggered", 40)
    [incident] = await district.rows("SELECT * FROM area_incidents")
    assert incident["ended_at"] is not None


async def test_a_restart_of_ours_makes_nobody_silent_and_hides_nobody(district: District) -> None:
    wristbands = await district.has_devices(10, "wb")
    await district.passes(120, hearing=False)
    assert await district.states() == {}
    gaps = await district.rows("SELECT ended_at - began_at AS lasted FROM hearing_gaps ORDER BY began_at DESC")
    assert 119 < gaps[0]["lasted"].total_seconds() / 60 < 121
    await district.passes(2, heard=wristbands[:9])
    assert await district.states() == {}
    await district.passes(2, heard=wristbands[:9])
    assert await district.states() == {"noted": 1}


async def test_while_no_gateway_hears_the_broker_nobody_is_silent(district: District) -> None:
    await district.has_devices(10, "wb")
    await district.run("UPDATE gateway_slots SET heard_at = clock_timestamp() - interval '1 minute'")
    await look_after_devices(district.connection, Rounds())
    for statement in ("UPDATE device_states SET last_seen_at = last_seen_at - interval '1 hour'",):
        await district.run(statement)
    await look_after_devices(district.connection, Rounds())
    assert await district.states() == {}
    [gap] = await district.rows("SELECT * FROM hearing_gaps WHERE ended_at IS NULL")
    await district.turn()
    [gap] = await district.rows("SELECT * FROM hearing_gaps WHERE began_at = %s", gap["began_at"])
    assert gap["ended_at"] is not None


async def test_a_will_in_a_race_is_no_outage_and_one_that_nothing_follows_is(district: District) -> None:
    racing, gone = await district.has_devices(2, "wb")
    await district.offline([racing, gone])
    await district.passes(0.2, heard=[racing])
    await district.passes(1.1)
    [noted] = await district.rows(
        "SELECT device_id, since = online_at AS by_will FROM device_conditions c"
        " JOIN devices d ON d.key = c.device_key JOIN device_states s USING (device_key)"
    )
    assert noted == {"device_id": gone, "by_will": True}


async def test_a_reading_that_the_state_has_not_been_told_of_yet_is_a_sign_of_life(district: District) -> None:
    """Gateways write `last_seen_at` at most each 30 s."""
    [wristband] = await district.has_devices(1, "wb")
    for statement in ("UPDATE device_states SET last_seen_at = last_seen_at - interval '4 minutes'",):
        await district.run(statement)
    await district.read(wristband, heart_rate=70)
    await district.turn()
    assert await district.states() == {}


async def test_a_habit_is_learned_from_when_readings_came(district: District) -> None:
    [watch] = await district.has_devices(1, "watch")
    for number in range(12):
        await district.read(watch, minutes_ago=10 * number, heart_rate=70)
    await district.passes(24 * 60 + 1, heard=[watch])
    [habit] = await district.rows("SELECT usual, learned_from, silent_after FROM device_expectations")
    assert (habit["usual"].total_seconds(), habit["learned_from"]) == (pytest.approx(600, abs=1), 11)
    assert habit["silent_after"] == 3 * habit["usual"]


async def test_upkeep_is_noted_and_is_over_by_itself(district: District) -> None:
    [low] = await district.has_devices(1, "low")
    [off] = await district.has_devices(1, "off")
    [button] = await district.has_devices(1, "button", kind="emergency_button", minutes=500)
    await district.run(
        "UPDATE device_states s SET battery = 12 FROM devices WHERE key = device_key AND device_id = 'low-00'"
    )
    for hours in (14, 13, 7, 1):
        await district.read(off, minutes_ago=60 * hours, worn=hours == 14)
    await district.passes(8 * 24 * 60, heard=[low, off, button])
    for hours in (14, 13, 7, 1):
        await district.read(off, minutes_ago=60 * hours + 1, worn=hours == 14)
    await district.turn()
    await district.turn()
    found = {alert["type"]: alert for alert in await district.alerts()}
    assert {type_: alert["device_id"] for type_, alert in found.items()} == {
        "device.low_battery": low,
        "device.not_worn": off,
        "device.untested": button,
    }
    assert {alert["severity"] for alert in found.values()} == {"blue"}
    assert found["device.low_battery"]["detail"]["battery"] == 12
    await district.run("UPDATE device_states SET battery = 24")
    await district.turn()
    assert await district.states("device.low_battery") == {"alone": 1}
    await district.run("UPDATE device_states SET battery = 25")
    await district.sends("test", button)
    await district.read(off, worn=True)
    await district.turn()
    for type_, alert in found.items():
        assert await district.states(type_) == {"ended": 1}
        assert await district.timeline(alert["id"]) == ["raised", "recovered"]


async def test_two_workers_raise_once(district: District, database_url: str) -> None:
    await district.has_devices(3, "wb")
    await district.passes(4)
    await district.run("UPDATE device_conditions SET due_at = clock_timestamp()")

    async def works() -> None:
        async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
            for _ in range(4):
                await look_after_devices(connection, Rounds())

    await asyncio.gather(works(), works(), works())
    assert [alert["occurrences"] for alert in await district.alerts()] == [1, 1, 1]


async def test_what_cannot_be_raised_is_put_off_and_holds_nobody_up(district: District) -> None:
    first, second = await district.has_devices(2, "wb")
    await district.run(f"ALTER TABLE alerts ADD CONSTRAINT broken CHECK (device_id <> '{first}')")
    await district.passes(4)
    await district.run("UPDATE device_conditions SET due_at = clock_timestamp() - interval '1 minute'")
    for _ in range(2):
        await look_after_devices(district.connection, Rounds())
    assert [alert["device_id"] for alert in await district.alerts()] == [second]
    [failed] = await district.rows("SELECT * FROM device_conditions WHERE attempts > 0")
    assert "broken" in failed["last_error"]
    await district.run("ALTER TABLE alerts DROP CONSTRAINT broken")
    await district.passes(10)
    assert len(await district.alerts()) == 2
