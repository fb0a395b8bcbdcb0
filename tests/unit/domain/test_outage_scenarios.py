"""Incidents as they happen: at / what happens / what is wanted. Compressed: hours take parts of a second."""

from functools import partial

from alerts.domain.conditions import Condition
from tests.unit.domain.making import STATION, STREET
from tests.unit.domain.street import OTHER_STATION, Street, play

NOTHING: dict[str, int] = {}


def longgang() -> Street:
    """龙岗街道 with two stations: 30 and 30 devices that report each minute."""
    return Street().with_devices(30, "北禅").with_devices(30, "西禅", OTHER_STATION)


def test_a_power_cut_in_a_street_takes_forty_devices() -> None:
    """One area incident, no single alerts, and an SOS in the middle of it raises at once."""
    street = longgang().with_devices(12, "报警器", OTHER_STATION, minutes=10)
    lost = ("北禅", "西禅0")
    play(
        street,
        [
            (20, partial(street.cut, *lost), NOTHING),
            (22, None, NOTHING),
            (23.5, partial(street.press, "西禅17"), {"sos": 1}),
            (26, None, {"sos": 1, "area.outage": 1}),
            (60, None, {"sos": 1, "area.outage": 1}),
            (61, partial(street.back, *lost), None),
            (90, None, {"sos": 1, "area.outage": 1}),
        ],
    )
    [area] = [alert for alert in street.alerts.values() if alert.type == "area.outage"]
    assert (area.severity, area.organization_id) == ("orange", STREET)
    assert len(street.outages) == 40
    assert {outage.state for outage in street.outages} == {Condition.ENDED}


def test_devices_that_report_seldom_come_under_the_same_incident_later() -> None:
    street = longgang().with_devices(6, "床垫", minutes=10)
    play(
        street,
        [
            (30, partial(street.cut, "北禅", "床垫"), NOTHING),
            (36, None, {"area.outage": 1}),
            (75, None, {"area.outage": 1}),
        ],
    )
    assert sum(outage.state is Condition.COVERED for outage in street.outages) == 36


def test_one_wristband_in_the_bath_is_one_blue_alert_and_not_before_others_could_have_followed() -> None:
    street = longgang()
    play(
        street,
        [
            (20, partial(street.cut, "西禅17"), NOTHING),
            (27, None, NOTHING),
            (29, None, {"device.offline": 1}),
            (120, None, {"device.offline": 1}),
        ],
    )


def test_a_device_that_comes_and_goes_has_one_alert() -> None:
    street = Street().with_devices(30, "北禅")
    rows = []
    for turn in range(6):
        begin = 10 + 30 * turn
        rows += [
            (begin, partial(street.cut, "北禅07"), None),
            (begin + 15, partial(street.back, "北禅07"), {"device.offline": 1}),
        ]
    play(street, rows)
    [alert] = street.alerts.values()
    assert alert.occurrences == 6


def test_a_will_that_fires_in_a_reconnect_race_is_not_an_outage() -> None:
    street = longgang()
    play(street, [(20, partial(street.will, "北禅"), NOTHING), (60, None, NOTHING)])
    assert street.outages == []


def test_wills_of_a_street_whose_router_died_are_one_incident_sooner_than_silence_would_tell() -> None:
    street = Street().with_devices(20, "北禅", minutes=5)
    play(
        street,
        [
            (20, partial(street.cut, "北禅"), None),
            (21.5, partial(street.will, "北禅"), NOTHING),
            (29, None, {"area.outage": 1}),
        ],
    )


def test_our_own_restart_makes_nobody_silent() -> None:
    street = longgang()
    play(street, [(20, street.restart, None), (50, street.hear, NOTHING), (120, None, NOTHING)])
    assert street.outages == []


def test_what_was_lost_while_we_were_away_is_found_after_the_grace() -> None:
    street = longgang()
    play(
        street,
        [
            (20, street.restart, None),
            (30, partial(street.cut, "北禅"), None),
            (50, street.hear, NOTHING),
            (52.5, None, NOTHING),
            (57, None, {"area.outage": 1}),
        ],
    )


def test_a_restart_in_the_middle_of_a_power_cut_neither_forgets_nor_doubles_it() -> None:
    street = longgang()
    play(
        street,
        [
            (20, partial(street.cut, "北禅"), None),
            (22, street.restart, None),
            (23, street.hear, None),
            (30, None, {"area.outage": 1}),
            (40, street.restart, None),
            (70, street.hear, None),
            (120, None, {"area.outage": 1}),
        ],
    )


def test_those_who_do_not_come_back_with_the_others_have_alerts_of_their_own() -> None:
    street = longgang()
    play(
        street,
        [
            (20, partial(street.cut, "北禅"), None),
            (60, partial(street.back, "北禅0", "北禅1", "北禅20"), {"area.outage": 1}),
            (62, None, {"area.outage": 1}),
            # 21 of 30 are back, which is not four in five; then 27 are.
            (80, partial(street.back, "北禅21", "北禅22", "北禅23", "北禅24", "北禅25", "北禅26"), {"area.outage": 1}),
            (95, None, {"area.outage": 1, "device.offline": 3}),
        ],
    )


def test_closing_an_incident_lets_go_of_what_is_still_silent() -> None:
    street = Street().with_devices(8, "北禅").with_devices(8, "西禅", OTHER_STATION)
    play(
        street,
        [
            (20, partial(street.cut, "北禅"), None),
            (40, partial(street.close, "area.outage"), {"area.outage": 1}),
            (41, None, {"area.outage": 1, "device.offline": 8}),
            (90, None, {"area.outage": 1, "device.offline": 8}),
        ],
    )
    [area] = [alert for alert in street.alerts.values() if alert.type == "area.outage"]
    assert area.organization_id == STATION


def test_four_of_sixty_are_four() -> None:
    street = longgang()
    four = ("北禅00", "北禅01", "西禅00", "西禅01")
    play(street, [(20, partial(street.cut, *four), None), (40, None, {"device.offline": 4})])
    assert {alert.device_id for alert in street.alerts.values()} == set(four)


def test_buttons_that_are_quiet_by_nature_are_neither_lost_nor_evidence_that_all_is_well() -> None:
    street = Street().with_devices(10, "北禅").with_devices(90, "呼叫器", minutes=500)
    play(street, [(20, partial(street.cut, ""), None), (40, None, {"area.outage": 1})])
    assert len(street.outages) == 10
