"""The demo's invented people."""

import re
from collections import Counter

from services.demo import people
from services.demo.seed import PREFIXES


def test_more_elders_begin_with_the_same_ones() -> None:
    assert people.elders(60)[:30] == people.elders(30)


def test_the_first_elder_is_of_the_first_station_and_wears_a_wristband_only() -> None:
    first = people.elders(1)[0]
    assert first.organization == people.FIRST_STATION
    assert first.device_kinds == ("wristband",)


def test_everybody_wears_a_wristband_and_every_kind_of_device_is_somewhere() -> None:
    elders = people.elders(30)
    assert all(elder.device_kinds[0] == "wristband" for elder in elders)
    assert {kind for elder in elders for kind in elder.device_kinds} == set(PREFIXES)


def test_elders_live_around_both_stations() -> None:
    homes = Counter(elder.organization for elder in people.elders(30))
    assert homes == {"beichan": 12, "xichan": 15, "anheyuan": 3}


def test_every_note_says_that_it_is_fiction() -> None:
    for elder in people.elders(100):
        assert people.FICTION in elder.health_notes
        assert people.FICTION in elder.entry_notes


def test_no_telephone_number_reaches_anybody() -> None:
    numbers = [elder.phone for elder in people.elders(500)]
    numbers += [contact.phone for elder in people.elders(500) for contact in elder.contacts]
    assert all(re.fullmatch(r"023-0000-\d{4}", number) for number in numbers)
    numbers += [people.responder_phone(one.username) for one in people.RESPONDERS]
    assert all(re.fullmatch(r"023-000[02]-\d{4}", number) for number in numbers)
    assert len(set(numbers)) == len(numbers)


def test_somebody_who_can_go_is_near_every_place_where_elders_live() -> None:
    homes = {one.key: one for one in people.ORGANIZATIONS}
    for elder in people.elders(30):
        near = [one for one in people.RESPONDERS if abs(one.lat - elder.lat) < 0.02 and abs(one.lon - elder.lon) < 0.02]
        assert len(near) >= 3
    assert {one.organization for one in people.RESPONDERS} <= set(homes)


def test_every_tier_has_an_operator_and_the_first_station_two() -> None:
    tiers = {one.key: one.tier for one in people.ORGANIZATIONS}
    operators = Counter(account.organization for account in people.ACCOUNTS if account.role == "operator")
    assert {tiers[key] for key in operators} == set(tiers.values())
    assert operators[people.FIRST_STATION] == 2
    assert people.ACCOUNTS[0].organization == people.FIRST_STATION
