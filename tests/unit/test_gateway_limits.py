"""What a gateway marks, and that nothing it is told can stop it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.decoders.model import MEASURED
from gateway.limits import EVERY, Envelope, Limits, Quiet, beyond, envelope_of

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
BANDS = envelope_of({"heart_rate": (50, 120), "spo2": (92, None)})


def row(key: int = 1, ts: datetime = NOW, late: timedelta = timedelta(seconds=1), **values: Any) -> tuple[Any, ...]:
    """As the telemetry lane stores it."""
    return (key, ts, 0, ts + late, *(values.get(name) for name in MEASURED))


@pytest.mark.parametrize(
    ("values", "marked"),
    [
        ({"heart_rate": 72, "spo2": 97}, False),
        ({"heart_rate": 50, "spo2": 92}, False),  # a limit's own value is inside
        ({"heart_rate": 120}, False),
        ({"heart_rate": 120.5}, True),
        ({"heart_rate": 49}, True),
        ({"spo2": 91.9}, True),
        ({"spo2": 100, "battery": 3, "worn": False}, False),
        ({}, False),
    ],
)
def test_what_is_outside_a_band_is_marked(values: dict[str, Any], marked: bool) -> None:
    assert bool(beyond([row(**values)], {1: BANDS})) is marked


def test_each_device_by_its_oldest_reading_that_matters() -> None:
    minute = timedelta(minutes=1)
    rows = [
        row(1, NOW + minute, heart_rate=130),
        row(1, NOW, heart_rate=130),
        row(1, NOW - minute, heart_rate=72),
        row(2, NOW, heart_rate=130),
        row(3, NOW, heart_rate=72),
        row(4, NOW, heart_rate=130),
    ]
    assert beyond(rows, {1: BANDS, 3: EVERY, 4: BANDS}) == {1: NOW, 3: NOW, 4: NOW}


def test_what_is_late_is_marked_whatever_it_says() -> None:
    late = row(late=timedelta(minutes=3), heart_rate=72)
    assert beyond([late], {1: BANDS}) == {1: NOW}
    assert beyond([late], {}) == {}, "nobody has rules for that device"


def test_before_limits_are_loaded_all_is_marked() -> None:
    limits = Limits("postgresql://nobody@127.0.0.1:1/none")
    assert beyond([row(heart_rate=72), row(2, heart_rate=72)], limits.of) == {1: NOW, 2: NOW}
    assert not limits.status()["ok"]
    assert limits.status()["devices"] == 0


def test_what_is_quiet_for_a_while() -> None:
    until = NOW + timedelta(minutes=5)
    quiet = Quiet(until, envelope_of({"heart_rate": (None, 150)}), BANDS)
    assert beyond([row(heart_rate=130)], {1: quiet}) == {}
    assert beyond([row(heart_rate=151)], {1: quiet}) == {1: NOW}
    assert beyond([row(ts=until, heart_rate=130)], {1: quiet}) == {1: until}


SCORE = {
    "most": 4,
    "bands": {"heart_rate": [[51, 90], [41, 110], [41, 130]], "spo2": [[96, None], [94, None], [92, None]]},
}


@pytest.mark.parametrize(
    ("values", "marked"),
    [
        ({"heart_rate": 72, "spo2": 97}, False),
        ({"heart_rate": 91, "spo2": 91}, False),  # one and three
        ({"heart_rate": 111, "spo2": 91}, True),  # two and three
        ({"heart_rate": 131, "spo2": 95}, False),
        ({"heart_rate": 131, "spo2": 93}, True),
        ({"heart_rate": 72}, False),
        ({"heart_rate": 91}, True),  # the other one may be as it was before
        ({"heart_rate": 131, "spo2": 95, "systolic": 219}, False),
        ({"heart_rate": 72, "spo2": 97, "systolic": 220}, True),  # by its own limit
    ],
)
def test_what_is_measured_together_is_marked_by_its_sum(values: dict[str, Any], marked: bool) -> None:
    assert bool(beyond([row(**values)], {1: envelope_of({"systolic": (111, 219)}, SCORE)})) is marked


def test_a_field_of_a_newer_version_is_left_out() -> None:
    assert envelope_of({"blood_glucose": (4, 10)}) == ((), None)
    score = {"most": 4, "bands": {"blood_glucose": [[4, 10]], "spo2": [[96, None], [94, None]]}}
    newer = envelope_of({}, score)
    assert beyond([row(spo2=95)], {1: newer}) == {1: NOW}, "what it does not see may have points"


@pytest.mark.parametrize("limits", [[], {"heart_rate": 5}, {"heart_rate": ["fast", None]}, {"heart_rate": [1, 2, 3]}])
def test_limits_that_are_none_fail_when_they_are_loaded_and_not_in_the_lane(limits: Any) -> None:
    with pytest.raises((ValueError, TypeError, AttributeError)):
        envelope_of(limits)


def test_equal_limits_are_kept_once() -> None:
    limits = Limits("postgresql://nowhere")
    found: dict[int, Envelope | Quiet] = {}
    limits._take(found, [(key, False, '{"heart_rate": [50, 120]}', None, None, None) for key in range(3)])
    assert found[0] is found[1] is found[2]
    limits._take(found, [(0, False, "{}", None, None, None), (1, True, "{}", None, None, None)])
    assert 0 not in found
    assert found[1] is EVERY
