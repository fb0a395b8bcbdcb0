"""A reading: fields, ranges, null, bad fields and items, arrays, repeats, conflicts, GCJ-02, and reading them again."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from tests.contract.asking import quarantined, readings, soon
from tests.contract.conftest import Enrol
from tests.parts import documents
from tests.parts.system import Device, Person, System

#: The contract's table, written again by hand: the files and the system are both held against it.
RANGES = {
    "heart_rate": (20, 300),
    "spo2": (30, 100),
    "body_temperature": (25, 45),
    "respiratory_rate": (2, 80),
    "systolic": (30, 300),
    "diastolic": (20, 200),
    "steps": (0, 200_000),
    "battery": (0, 100),
    "rssi": (-150, 0),
}
FULL = {
    "heart_rate": 72,
    "spo2": 97,
    "body_temperature": 36.5,
    "respiratory_rate": 16,
    "systolic": 128,
    "diastolic": 79,
    "steps": 1234,
    "worn": True,
    "in_bed": False,
    "battery": 83,
    "rssi": -97,
}


def same_instant(one: str, other: str) -> bool:
    return datetime.fromisoformat(one) == datetime.fromisoformat(other)


def test_every_field_is_stored_as_it_was_sent(wristband: Device, operator: Person) -> None:
    sent = {"ts": soon(), "seq": 1842} | FULL | {"location": {"lat": 29.563, "lon": 106.5516, "accuracy": 12}}
    assert not documents.faults("reading", sent)
    wristband.send(sent, "readings")
    [stored] = readings(operator, wristband.device_id, 1)
    assert same_instant(stored.pop("ts"), sent["ts"])
    assert stored == {"seq": 1842} | FULL  # the location is withheld: no alert of this elder is unresolved


def test_ts_and_one_measurement_are_enough_and_seq_is_0_when_absent(wristband: Device, operator: Person) -> None:
    wristband.send({"ts": soon(), "worn": False, "heart_rate": None, "seq": None, "location": None}, "readings")
    [stored] = readings(operator, wristband.device_id, 1)
    del stored["ts"]
    assert stored == {"seq": 0, "worn": False}


def test_unknown_fields_are_no_fault(wristband: Device, operator: Person) -> None:
    wristband.send({"ts": soon(), "heart_rate": 70, "mood": "好", "nested": {"deep": [1]}}, "readings")
    assert readings(operator, wristband.device_id, 1)[0]["heart_rate"] == 70


def test_each_limit_of_each_range_is_in_and_the_step_beyond_is_quarantined_alone(
    wristband: Device, operator: Person
) -> None:
    good: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    seq = count(1)
    for name, (low, high) in RANGES.items():
        step = 1 if name == "steps" else 0.5
        good += [{"ts": soon(), "seq": next(seq), name: limit} for limit in (low, high)]
        bad += [{"ts": soon(), "seq": next(seq), name: beyond, "worn": True} for beyond in (low - step, high + step)]
    assert not any(documents.faults("reading", one) for one in good)
    assert all(documents.faults("reading", one) for one in bad)
    wristband.send(good + bad, "readings")
    stored = {one["seq"]: one for one in readings(operator, wristband.device_id, len(good) + len(bad))}
    for one in good:
        [(name, value)] = [item for item in one.items() if item[0] in RANGES]
        assert stored[one["seq"]][name] == value
    for one in bad:
        kept = {name: value for name, value in stored[one["seq"]].items() if name not in ("ts", "seq")}
        assert kept == {"worn": True}, "the faulty field is away, the rest is there"
    kept_aside = quarantined(operator, wristband.device_id, len(bad))
    assert [(one["reason"], one["field"]) for one in kept_aside] == [
        ("out_of_range", name) for name in RANGES for _ in range(2)
    ]
    assert [json.loads(one["payload"]) for one in kept_aside] == bad


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("heart_rate", "72", "wrong_type"),
        ("heart_rate", True, "wrong_type"),
        ("worn", 1, "wrong_type"),
        ("worn", "true", "wrong_type"),
        ("steps", 12.5, "wrong_type"),
        ("seq", -1, "out_of_range"),
        ("location", {"lat": 91, "lon": 0}, "out_of_range"),
        ("location", {"lat": 29.5}, "wrong_shape"),
        ("location", {"lat": 29.5, "lon": 106.5, "datum": "bd09"}, "wrong_type"),
        ("location", [29.5, 106.5], "wrong_type"),
    ],
)
def test_a_bad_field_is_quarantined_with_its_reason_and_the_rest_is_stored(
    wristband: Device, operator: Person, field: str, value: Any, reason: str
) -> None:
    sent = {"ts": soon(), "spo2": 96, field: value}
    assert documents.faults("reading", sent)
    wristband.send(sent, "readings")
    [stored] = readings(operator, wristband.device_id, 1)
    assert (stored["spo2"], stored.get(field if field != "seq" else "nothing")) == (96, None)
    [kept] = quarantined(operator, wristband.device_id)
    assert (kept["reason"], kept["field"]) == (reason, field)
    assert json.loads(kept["payload"]) == sent


def test_what_has_no_time_or_no_measurement_is_quarantined_whole(wristband: Device, operator: Person) -> None:
    ahead = (datetime.now(UTC) + timedelta(minutes=6)).isoformat()
    bad = [
        ({"heart_rate": 71}, "wrong_shape", "ts"),
        ({"ts": "yesterday", "heart_rate": 71}, "wrong_type", "ts"),
        ({"ts": "2026-11-22T11:20:00", "heart_rate": 71}, "wrong_type", "ts"),
        ({"ts": 1795000000, "heart_rate": 71}, "wrong_type", "ts"),
        ({"ts": "2019-12-31T23:59:59Z", "heart_rate": 71}, "clock", "ts"),
        ({"ts": ahead, "heart_rate": 71}, "clock", "ts"),
        ({"ts": soon()}, "empty", None),
        ({"ts": soon(), "heart_rate": None}, "empty", None),
        ("a word", "wrong_shape", None),
        (72, "wrong_shape", None),
        (None, "wrong_shape", None),
    ]
    wristband.send([one for one, _, _ in bad] + [{"ts": soon(), "seq": 9, "heart_rate": 71}], "readings")
    [stored] = readings(operator, wristband.device_id, 1)
    assert stored["seq"] == 9, "the one good item of the array"
    kept = quarantined(operator, wristband.device_id, len(bad))
    assert [(json.loads(one["payload"]), one["reason"], one["field"]) for one in kept] == [list(b) and b for b in bad]


def test_an_array_may_have_500_readings_and_what_is_over_is_quarantined_alone(
    wristbands: Callable[[], Device], operator: Person
) -> None:
    full, over = wristbands(), wristbands()
    items = [{"ts": soon(), "seq": seq, "heart_rate": 60 + seq % 40} for seq in range(501)]
    full.send(items[:500], "readings")
    over.send(items, "readings")
    assert len(readings(operator, full.device_id, 500, limit=1000)) == 500
    stored = readings(operator, over.device_id, 500, limit=1000)
    assert [one["seq"] for one in stored] == list(range(500))
    [kept] = quarantined(operator, over.device_id)
    assert (kept["reason"], json.loads(kept["payload"])["seq"]) == ("too_large", 500)
    assert not [one for one in operator.get("/quarantine", limit=500)["items"] if one["device_id"] == full.device_id]


def test_a_repeat_is_stored_once_and_one_that_differs_is_a_conflict(wristband: Device, operator: Person) -> None:
    ts = soon()
    wristband.send({"ts": ts, "seq": 5, "heart_rate": 70}, "readings")
    readings(operator, wristband.device_id, 1)
    elsewhere = datetime.fromisoformat(ts).astimezone(UTC).isoformat().replace("+00:00", "Z")
    wristband.send({"ts": elsewhere, "seq": 5, "heart_rate": 70}, "readings")  # the same instant, otherwise written
    wristband.send({"ts": ts, "seq": 5, "heart_rate": 90}, "readings")
    wristband.send([{"ts": ts, "seq": 6, "heart_rate": 71}, {"ts": ts, "seq": 6, "heart_rate": 72}], "readings")
    conflicts = quarantined(operator, wristband.device_id, 2)
    assert [one["reason"] for one in conflicts] == ["conflict", "conflict"]
    stored = readings(operator, wristband.device_id, 2)
    assert [(one["seq"], one["heart_rate"]) for one in stored] == [(5, 70), (6, 71)], "the first one stays"


def test_gcj02_is_stored_as_wgs84(enrol: Enrol, system: System, operator: Person) -> None:
    """The device is nobody's, so its location is nobody's secret."""
    device = enrol(organization_id=system.seeded.organization_id)
    # (WGS 84, GCJ-02) of Shanghai, Shenzhen and Beijing, as published by googollee/eviltransform in its tests.
    published = [
        ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
        ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
        ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
        ((35.68, 139.77), (35.68, 139.77)),  # outside China the two are one
    ]
    device.send(
        [
            {"ts": soon(), "seq": seq, "location": {"lat": lat, "lon": lon, "datum": "gcj02"}}
            for seq, (_, (lat, lon)) in enumerate(published)
        ]
        + [
            {"ts": soon(), "seq": 10, "location": {"lat": 29.5, "lon": 106.5, "datum": "wgs84"}},
            {"ts": soon(), "seq": 11, "location": {"lat": 29.5, "lon": 106.5}},
        ],
        "readings",
    )
    *shifted, plain, default = [one["location"] for one in readings(operator, device.device_id, 6)]
    assert plain == default == {"lat": 29.5, "lon": 106.5}
    for found, ((lat, lon), _) in zip(shifted, published, strict=True):
        assert found["lat"] == pytest.approx(lat, abs=1e-6)  # 0.1 m
        assert found["lon"] == pytest.approx(lon, abs=1e-6)


def test_readings_are_read_raw_by_time_and_in_pages(wristband: Device, operator: Person) -> None:
    base = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    items = [
        {"ts": (base + timedelta(minutes=n)).isoformat(), "seq": n, "heart_rate": 60 + n, "worn": n % 2 == 0}
        for n in range(10)
    ]
    wristband.send(items, "readings")
    path = f"/devices/{wristband.device_id}/readings"
    window = {"from": base.isoformat(), "to": (base + timedelta(minutes=8)).isoformat()}
    seen: list[int] = [one["seq"] for one in readings(operator, wristband.device_id, 8, bucket="raw", **window)]
    assert seen == list(range(8)), "from is inclusive, to is exclusive, oldest first"
    pages, cursor = [], None
    while cursor is not None or not pages:
        page = operator.get(path, limit=3, **window, **({"cursor": cursor} if cursor else {}))
        pages.append([one["seq"] for one in page["items"]])
        cursor = page["next"]
    assert pages == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_buckets_have_least_mean_most_and_count_of_each_field(wristband: Device, operator: Person) -> None:
    # A day of Beijing that is over, so that no bucket is cut by now.
    day = datetime.now(UTC).replace(hour=16, minute=0, second=0, microsecond=0) - timedelta(days=2)
    values = {(0, 0): 60, (0, 30): 70, (1, 0): 80, (61, 0): 100}
    wristband.send(
        [
            {"ts": (day + timedelta(minutes=minute, seconds=second)).isoformat(), "heart_rate": rate, "worn": True}
            | ({"spo2": 97} if rate == 100 else {})
            for (minute, second), rate in values.items()
        ],
        "readings",
    )
    window = {"from": day.isoformat(), "to": (day + timedelta(days=1)).isoformat()}
    readings(operator, wristband.device_id, 4, **window)

    def buckets(width: str) -> list[tuple[float, dict[str, Any]]]:
        items = operator.get(f"/devices/{wristband.device_id}/readings", bucket=width, **window)["items"]
        return [((datetime.fromisoformat(one["ts"]) - day).total_seconds() / 60, one["heart_rate"]) for one in items]

    assert buckets("1m") == [
        (0, {"min": 60, "avg": 65, "max": 70, "count": 2}),
        (1, {"min": 80, "avg": 80, "max": 80, "count": 1}),
        (61, {"min": 100, "avg": 100, "max": 100, "count": 1}),
    ]
    assert buckets("1h") == [
        (0, {"min": 60, "avg": 70, "max": 80, "count": 3}),
        (60, {"min": 100, "avg": 100, "max": 100, "count": 1}),
    ]
    assert buckets("1d") == [(0, {"min": 60, "avg": 77.5, "max": 100, "count": 4})]
    [hour] = operator.get(f"/devices/{wristband.device_id}/readings", bucket="1d", **window)["items"]
    assert hour["spo2"] == {"min": 97, "avg": 97, "max": 97, "count": 1}
    assert "steps" not in hour, "a field that nobody measured is a gap, not a zero"


def test_a_reading_has_no_receipt(wristband: Device, operator: Person) -> None:
    wristband.send([{"ts": soon(), "heart_rate": 400}, {"ts": soon(), "heart_rate": 70}], "readings")
    quarantined(operator, wristband.device_id)
    pressed = wristband.press("test")
    assert {one.event_id for one in wristband.receipts} == {pressed["event_id"]}
