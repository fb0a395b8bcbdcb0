"""Scenario files played against a real broker."""

import json

import pytest


@pytest.fixture
def scenario(tmp_path):
    def write(*steps):
        path = tmp_path / "scenario.yaml"
        path.write_text(json.dumps({"name": "试验", "steps": steps}))
        return str(path)

    return write


async def test_expectations_that_are_met(simulate, peer, scenario):
    peer.answer = lambda event: ["stored"] if event["type"] == "cancel" else ["stored", "raised"]
    path = scenario(
        {"at": "0s", "device": "wb-001", "do": "fall", "as": "f1"},
        {"expect": {"event": "f1", "stage": "raised", "within": "5s"}},
        {"at": "500ms", "device": "wb-001", "do": "cancel", "cancels": "f1", "as": "c1"},
        {"expect": {"event": "c1", "stage": "stored"}},
        {"at": "1s", "pick": {"kind": "smoke_detector"}, "do": "smoke", "as": "s1"},
        {"expect": {"event": "s1", "stage": "stored"}},
        {"at": "1s", "device": "wb-002", "do": "service_request", "service": "代购"},
        {"at": "1s", "device": "wb-002", "do": "low_battery", "detail": {"level": 8}},
    )
    code, out, err = await (await simulate("--scenario", path)).ended()
    assert code == 0, out + err
    fall, cancel = peer.payloads("wb-001", "up/events")
    assert cancel["cancels"] == fall["event_id"]
    assert [event["type"] for event in peer.payloads("one-smoke_detector", "up/events")] == ["smoke"]
    request, battery = peer.payloads("wb-002", "up/events")
    assert request["detail"] == {"service": "代购"}
    assert battery["detail"] == {"level": 8}


async def test_an_expectation_that_is_not_met_fails_with_a_report(simulate, peer, scenario):
    path = scenario(
        {"device": "wb-001", "do": "press", "as": "p1"},
        {"expect": {"event": "p1", "stage": "acknowledged", "within": "1s"}},
    )
    code, out, err = await (await simulate("--scenario", path)).ended()
    assert code == 1
    assert "FAILED" in out
    assert "expected wb-001  p1 acknowledged within 1 s, but it was told stored" in err


async def test_readings_held_values_and_garbage(simulate, peer, scenario):
    path = scenario(
        {"device": "wb-001", "do": "reading", "values": {"heart_rate": 134}},
        {"device": "wb-001", "do": "hold", "values": {"spo2": 85}, "for": "5m"},
        {"device": "wb-001", "do": "raw", "leaf": "up/events", "text": "garbage"},
        {"device": "wb-001", "do": "raw", "leaf": "up/readings", "hex": "00ff"},
    )
    code, _, err = await (await simulate("--scenario", path, "--speed", "300")).ended()
    assert code == 0, err
    heard = [(topic.rpartition("/")[2], payload) for topic, payload, _ in peer.heard]
    assert ("events", b"garbage") in heard
    assert ("readings", b"\x00\xff") in heard
    readings = peer.readings("wb-001", skip=b"\x00\xff")
    assert [reading["heart_rate"] for reading in readings].count(134) == 1
    assert [reading.get("spo2") for reading in readings].count(85) == 5, "a reading a minute for five minutes"


async def test_a_device_out_of_coverage_keeps_its_press(simulate, peer, scenario):
    peer.answer = lambda event: ["stored", "raised"]
    path = scenario(
        {"device": "wb-001", "do": "offline", "cut": True},
        {"at": "1s", "device": "wb-001", "do": "press", "as": "unheard"},
        {"at": "2s", "device": "wb-001", "do": "online"},
        {"expect": {"event": "unheard", "stage": "raised", "within": "5s"}},
    )
    code, out, err = await (await simulate("--scenario", path)).ended()
    assert code == 0, out + err
    assert [status["online"] for status in peer.payloads("wb-001", "up/status")] == [True, False, True, False]


@pytest.mark.parametrize("name", ["night_fall", "out_of_coverage", "broken_payloads"])
async def test_the_scenarios_that_come_along(name, simulate, peer):
    fall = {}

    def answer(event):
        match event.get("type"):
            case "dance":
                return ["rejected"]
            case "cancel":
                return ["stored"]
            case "fall":
                # A repeat of the first fall, after the cancel, would be told cancelled; here it is by hand.
                fall.setdefault("id", event["event_id"])
        return ["stored", "raised"]

    peer.answer = answer
    running = await simulate("--scenario", name, "--speed", "10")
    if name == "night_fall":
        await peer.until(lambda: len(peer.payloads("wb-001", "up/events")) == 2)
        await peer.receipt("wb-001", fall["id"], "cancelled")
    code, out, err = await running.ended()
    assert code == 0, out + err
