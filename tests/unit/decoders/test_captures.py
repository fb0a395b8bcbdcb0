"""Every capture in tests/data/captures, a file a family, each message with its source: it decodes as its source says.

A line has `source`, `topic`, `payload` (with `encoding` where that is hex, base64 or text), where needed the `kind`
and `model` that its device is enrolled as and `received_at`, and `want`: `device`, `events` (their types, sorted),
`readings` (a list of the measurements of each), `online`, `told` (the fields of its flaws), `ignored`; what is left out
is wanted absent, but `device`. Ids of devices and people are replaced. `verbatim` is false where a message was built
from a maker's table of fields: it shows that we read the table, and proves nothing about a device.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.decoders.family import Decoded, Enrolment
from gateway.decoders.model import MEASURED, Reading
from gateway.decoders.native import parse_time
from gateway.decoders.registry import FAMILIES, recognise
from tests.parts.captures import FOLDER, captures, wire

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
FILES = sorted(file.stem for file in FOLDER.glob("*.jsonl"))
CAPTURES = [
    pytest.param(family, capture, id=f"{family}:{number}")
    for family in FILES
    for number, capture in enumerate(captures(family), 1)
]


def measured(reading: Reading) -> dict[str, Any]:
    values = zip(MEASURED, reading.values, strict=True)
    return {name: value for name, value in values if value is not None}


def said(decoded: list[Decoded]) -> dict[str, Any]:
    """What was decoded, in the words of `want`."""
    found: dict[str, Any] = {}
    if events := sorted(event.type for one in decoded for event in one.events):
        found["events"] = events
    if readings := [measured(reading) for one in decoded for reading in one.readings]:
        found["readings"] = readings
    if told := [flaw.field for one in decoded for flaw in one.flaws]:
        found["told"] = told
    for one in decoded:
        if one.status is not None:
            found["online"] = one.status.online
        if one.ignored is not None:
            found["ignored"] = True
    return found


@pytest.mark.parametrize(("family", "capture"), CAPTURES)
def test_a_capture_says_what_its_source_says(family: str, capture: dict[str, Any]) -> None:
    payload, want = wire(capture), dict(capture["want"])
    now = parse_time(capture["received_at"]) if "received_at" in capture else NOW
    assert now is not None
    enrolment = Enrolment(capture.get("kind"), capture.get("model"))
    decoded = list(FAMILIES[family].decode(capture["topic"], payload, now, lambda _: enrolment))
    device = want.pop("device", None)
    if "readings" in want:
        want["readings"] = [pytest.approx(values) for values in want["readings"]]
    assert said(decoded) == want
    if device is not None:
        assert {one.hardware_id for one in decoded} == {device}
    assert capture["source"]
    assert recognise(capture["topic"], payload) == family, "--source auto tells it"


@pytest.mark.parametrize("family", FILES)
def test_half_of_a_capture_never_raises_and_is_never_all_right(family: str) -> None:
    """Cut off anywhere: no exception, and what was an emergency is not silently nothing."""
    for capture in captures(family):
        payload = wire(capture)
        enrolment = Enrolment(capture.get("kind"), capture.get("model"))
        for length in range(0, len(payload), max(1, len(payload) // 40)):
            for one in FAMILIES[family].decode(capture["topic"], payload[:length], NOW, lambda _, e=enrolment: e):
                assert isinstance(one, Decoded)
                said_something = one.readings or one.events or one.status or one.flaws or one.unread or one.ignored
                assert said_something, (length, payload[:length])
