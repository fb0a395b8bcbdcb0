"""Devices that want looking after."""

from datetime import timedelta
from typing import Any

import pytest

from alerts.domain.outage import Gap, Hearing
from alerts.domain.upkeep import LOW_BATTERY, NOT_WORN, UNTESTED, Facts, Wants, wanting
from tests.unit.domain.making import NOON

RULES = {
    NOT_WORN: Wants(lasting=timedelta(hours=12)),
    LOW_BATTERY: Wants(below=20, clear_from=25),
    UNTESTED: Wants(lasting=timedelta(days=7)),
}
ALWAYS = Hearing(NOON - timedelta(days=30))


def ago(**time: float) -> Any:
    return NOON - timedelta(**time)


def found(*on: str, hearing: Hearing = ALWAYS, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "kind": "wristband",
        "has_elder": True,
        "battery": 80,
        "said_low_at": None,
        "off_at": None,
        "tested_at": ago(days=100),
    }
    return dict(wanting(Facts(**values | changes), frozenset(on), RULES, hearing, NOON))


@pytest.mark.parametrize(
    ("battery", "on", "low"),
    [(19.9, False, True), (20, False, False), (20, True, True), (24.9, True, True), (25, True, False)],
)
def test_a_battery_is_low_below_twenty_until_it_has_twenty_five(battery: float, on: bool, low: bool) -> None:
    assert (LOW_BATTERY in found(*((LOW_BATTERY,) if on else ()), battery=battery)) is low


def test_a_device_without_a_number_is_believed_when_it_says_so() -> None:
    said = ago(hours=1)
    assert found(battery=None, said_low_at=said) == {LOW_BATTERY: said}
    assert found(battery=60, said_low_at=said) == {}


def test_a_wristband_that_was_off_for_half_a_day_is_not_worn_and_a_button_never_is() -> None:
    assert found(off_at=ago(hours=11.9)) == {}
    assert found(off_at=ago(hours=12)) == {NOT_WORN: ago(hours=12)}
    assert found(off_at=ago(hours=12), has_elder=False) == {}, "it lies in a drawer of the station"
    assert found(off_at=ago(hours=12), kind="door_sensor") == {}


@pytest.mark.parametrize("kind", ["emergency_button", "pull_cord"])
def test_a_button_is_untested_after_a_week_of_time_in_which_we_would_have_known(kind: str) -> None:
    assert found(kind=kind, tested_at=ago(days=6.9)) == {}
    assert found(kind=kind, tested_at=ago(days=7)) == {UNTESTED: ago(days=7)}
    deaf = Gap(ago(days=3), ago(days=2))
    assert found(kind=kind, tested_at=ago(days=7), hearing=Hearing(deaf.ended_at, (deaf,))) == {}


def test_a_wristband_needs_no_test() -> None:
    assert found(tested_at=ago(days=100)) == {}
