"""`anhu decode`."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import app


def decoded(tmp_path: Path, *lines: Any, source: str = "auto") -> list[dict[str, Any]]:
    file = tmp_path / "captured.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")
    result = CliRunner().invoke(app, ["decode", "--source", source, str(file)])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


PRESS = {"event_id": "e1", "type": "sos", "ts": "2026-11-22T11:20:03+08:00"}


def test_each_line_becomes_a_line(tmp_path: Path) -> None:
    native, zigbee, stranger = decoded(
        tmp_path,
        {"topic": "anhu/v1/watch-1/up/events", "payload": PRESS},
        {"topic": "zigbee2mqtt/button", "payload": {"action": "emergency", "battery": 61}},
        {"topic": "elsewhere/1", "payload": {}},
    )
    assert (native["source"], native["device"]) == ("native", "watch-1")
    assert [event["type"] for event in native["events"]] == ["sos"]
    assert native["not_understood"] == []
    assert (zigbee["source"], zigbee["device"]) == ("zigbee2mqtt", "button")
    assert [reading["battery"] for reading in zigbee["readings"]] == [61]
    assert (stranger["source"], stranger["device"]) == (None, None)
    assert stranger["not_understood"][0]["reason"] == "unknown_topic"


@pytest.mark.parametrize("encoding", ["hex", "base64", "text", None])
def test_bytes_in_any_spelling(tmp_path: Path, encoding: str | None) -> None:
    body = json.dumps(PRESS)
    spelled = {"hex": body.encode().hex(), "base64": base64.b64encode(body.encode()).decode()}
    line = {"topic": "anhu/v1/w/up/events", "payload": spelled.get(encoding or "", body), "encoding": encoding}
    [shown] = decoded(tmp_path, line)
    assert [event["event_id"] for event in shown["events"]] == ["e1"]


def test_the_time_of_the_capture_and_the_kind_of_device(tmp_path: Path) -> None:
    line = {"topic": "zigbee2mqtt/b", "payload": {"action": "single"}, "received_at": "2026-01-02T03:04:05Z"}
    [switch, button] = decoded(tmp_path, line, line | {"kind": "emergency_button"})
    assert switch["events"] == []
    assert button["events"][0]["occurred_at"] == "2026-01-02T03:04:05+00:00"


@pytest.mark.parametrize(
    "line",
    ["not json", "[]", "{}", '{"topic": 1, "payload": ""}', '{"topic": "t", "payload": "zz", "encoding": "hex"}',
     '{"topic": "t", "payload": "?", "encoding": "base64"}', '{"topic": "t", "payload": "", "encoding": "morse"}',
     '{"topic": "t", "payload": 4, "encoding": "hex"}'],
)  # fmt: skip
def test_a_line_that_is_none_is_told_and_the_next_is_read(tmp_path: Path, line: str) -> None:
    told, good = decoded(tmp_path, line, {"topic": "anhu/v1/w/up/events", "payload": PRESS})
    assert told["not_understood"]
    assert len(good["events"]) == 1


def test_an_unknown_family_and_a_missing_file_are_one_sentence(tmp_path: Path) -> None:
    unknown = CliRunner().invoke(app, ["decode", "--source", "fax", __file__])
    assert unknown.exit_code == 1
    assert "want auto or one of native, zigbee2mqtt" in str(unknown.exception or unknown.output)
    missing = CliRunner(env={"COLUMNS": "400"}).invoke(app, ["decode", str(tmp_path / "x")])
    assert missing.exit_code == 2
    assert "No such file" in missing.output


def test_a_message_of_several_devices_is_one_line_and_each_part_says_whose_it_is(tmp_path: Path) -> None:
    sub = {"deviceName": "belt", "productKey": "k"}
    params = {
        "properties": {"HeartRate": {"value": 71, "time": 1784678400000}},
        "subDevices": [{"identity": sub, "properties": {"HeartRate": {"value": 88, "time": 1784678400000}}}],
    }
    body = {"id": "1", "version": "1.0", "method": "thing.event.property.pack.post", "params": params}
    topic = "/sys/k/hub/thing/event/property/pack/post"
    [shown] = decoded(tmp_path, {"topic": topic, "payload": body, "received_at": "2026-11-22T00:00:00Z"})
    assert shown["device"] is None
    assert {reading["device"][-4:]: reading["heart_rate"] for reading in shown["readings"]} == {"/hub": 71, "belt": 88}
