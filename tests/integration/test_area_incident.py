"""A power cut with every real process: one incident on the screens concerned, its call list, and a press in the middle.
Time is made to pass in the database: what was heard is moved into the past."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.postgres import PostgresServer
from tests.parts.system import Device, System, running_system
from tests.parts.waiting import until

PAST = (
    "UPDATE hearing_gaps SET began_at = began_at - interval '1 hour', ended_at = ended_at - interval '1 hour'",
    "UPDATE device_expectations SET usual = '1 minute', learned_from = 20, silent_after = '3 minutes',"
    " will_wait = '1 minute', learn_at = 'infinity'",
)


@pytest.fixture(scope="module")
def town(module_folder: Path, postgres: PostgresServer) -> Iterator[System]:
    with running_system(module_folder / "town", postgres, elders=60) as system:
        yield system


def test_a_lost_street_is_one_incident_with_a_call_list_for_each_station(town: System) -> None:
    station, street = town.seeded.organization_id, town.organization("street")
    wristbands = town.station_devices("wristband")
    pressing, lost = wristbands[0], wristbands[1:21]
    until(lambda: town.sql("SELECT 1 FROM hearing_gaps WHERE ended_at IS NOT NULL"), "it hears", limit=20)
    with Device(town.broker, pressing) as device, town.sign_in().screen() as screen:
        town.sql(
            "INSERT INTO device_states (device_key, last_seen_at)"
            " SELECT key, clock_timestamp() FROM devices WHERE device_id = ANY(%s)",
            lost,
        )
        until(lambda: town.sql("SELECT 1 FROM device_expectations"), "devices are expected", limit=70)
        for statement in PAST:
            town.sql(statement)
        town.sql("UPDATE device_states SET last_seen_at = last_seen_at - interval '10 minutes'")
        until(
            lambda: town.sql("SELECT count(*) FROM device_conditions WHERE state = 'noted'")[0][0] >= len(lost),
            "all are noted",
            limit=20,
        )
        pressed = device.press()
        press = screen.next_alert()
        assert (press["event_id"], press["severity"]) == (pressed["event_id"], "red")
        town.sql("UPDATE device_conditions SET noted_at = noted_at - interval '3 minutes'")
        shown = screen.next_alert(limit=20)
    assert (shown["type"], shown["severity"], shown["elder"]) == ("area.outage", "orange", None)
    assert (shown["detail"]["lost"], shown["detail"]["restored"]) == (len(lost), 0)
    assert shown["organization_id"] in (station, street)

    operator = town.sign_in()
    detail = operator.get(f"/alerts/{shown['id']}")
    listed = detail["call_list"]
    assert {device["device_id"] for one in listed for device in one["devices"]} == set(lost)
    assert [one["risk"] for one in listed] == sorted((one["risk"] for one in listed), reverse=True)
    assert all(one["phone"] or one["contacts"] for one in listed)
    looks = town.sql("SELECT count(*) FROM access_log WHERE what = 'call_list' AND alert_id = %s", shown["id"])
    assert looks == [(len(listed),)]
    assert operator.get("/alerts", device_id=shown["device_id"])["items"][0]["id"] == shown["id"]
    assert operator.get("/alerts", state="open", severity="blue")["items"] == []

    caregiver = next(one["username"] for one in town.seeded.accounts if one["role"] == "caregiver")
    assert town.sign_in(caregiver).http.get(f"/alerts/{shown['id']}").status_code == 404
    # Another station has the incident when it is shared with it, and then nobody of these elders.
    for other in town.seeded.organizations:
        if other["tier"] == "community" and other["id"] != station:
            town.sql(
                "INSERT INTO alert_routes (alert_id, organization_id, reason, since)"
                " VALUES (%s, %s, 'shared', now()) ON CONFLICT DO NOTHING",
                *(shown["id"], other["id"]),
            )
            theirs = next(
                one["username"]
                for one in town.seeded.accounts
                if one["organization_id"] == other["id"] and one["role"] == "operator"
            )
            assert town.sign_in(theirs).get(f"/alerts/{shown['id']}")["call_list"] == []

    for move, body in (("acknowledge", {}), ("resolve", {"outcome": "false_alarm"})):
        assert operator.move(shown, move, **body).status_code == 200
    assert operator.get(f"/alerts/{shown['id']}")["call_list"] is None
    assert town.sql("SELECT status ->> 'ok', status ->> 'devices_error' FROM workers WHERE kind = 'rules'") == [
        ("true", None)
    ]
