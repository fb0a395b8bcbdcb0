"""What is wrong with a scenario or a fleet file is said with file, step, and how to mend it."""

import json

import pytest

from simulators.fleet_file import FleetDevice, UsageError, broker_at, choose, read_fleet
from simulators.scenario import BUNDLED, find_scenario, read_scenario, seconds
from simulators.storm import percentile, pressers

FLEET = [
    FleetDevice(device_id="wb-1", password="x", kind="wristband"),
    FleetDevice(device_id="wb-2", password="x", kind="wristband"),
    FleetDevice(device_id="smoke-1", password="x", kind="smoke_detector"),
]


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "bad.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_format(written):
    scenario, placed = read_scenario(
        written("""
            name: 夜间跌倒
            seed: 7
            steps:
              - {at: 0s, device: wb-1, do: fall, as: f1}
              - {at: 1m30s, pick: {kind: wristband}, do: cancel, cancels: f1}
              - {pick: {kind: wristband, index: 1}, do: press}
              - expect: {event: f1, stage: cancelled, within: 500ms}
              - expect: {device: wb-2, event: as-it-was-sent, stage: rejected}
        """),
        FLEET,
    )
    assert scenario.seed == 7
    where = [(step.at, step.device_id) for step in placed]
    assert where == [(0, "wb-1"), (90, "wb-1"), (90, "wb-2"), (90, "wb-1"), (90, "wb-2")]
    assert placed[2].step.type == "sos"
    assert placed[3].step.expect.within == 0.5


@pytest.mark.parametrize("path", sorted(BUNDLED.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_scenarios_that_come_along_are_sound(path):
    scenario, placed = read_scenario(find_scenario(path.stem), FLEET)
    assert scenario.name
    assert placed


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ("- {device: wb-1, do: dance}", "step 1 (dance): do: 'dance' is not known; want one of press"),
        ("- {device: wb-9, do: press}", "step 1 (press): device: 'wb-9' is not in the fleet file"),
        ("- {do: press}", "want either device: ID or pick"),
        ("- {device: wb-1, pick: {kind: wristband}, do: press}", "want either device: ID or pick"),
        ("- {pick: {kind: wristband, index: 2}, do: press}", "has 2 of kind 'wristband', no index 2"),
        ("- {device: wb-1, do: press, loud: true}", "loud: unknown; remove it or mend its name"),
        (
            "- {device: wb-1, do: press, at: soon}",
            "at: 'soon' is not a length of time; want for instance 12s",
        ),
        ("- {device: wb-1}", "either do: … or expect: …"),
        ("- hello", "step 1 (hello): a step has either do: … or expect: …"),
        (
            "- {device: wb-1, do: press, at: 5s}\n- {device: wb-1, do: press, at: 4s}",
            "step 2 (press): at: 4s is before",
        ),
        ("- {device: wb-1, do: cancel, cancels: f}", "cancels: 'f' is not the `as` of an earlier `do: fall`"),
        ("- {device: wb-1, do: cancel}", "cancels: Field required"),
        (
            "- {device: wb-1, do: press, as: f}\n- {device: wb-1, do: cancel, cancels: f}",
            "earlier `do: fall`",
        ),
        (
            "- {device: wb-1, do: fall, as: f}\n- {device: wb-2, do: cancel, cancels: f}",
            "only that device can cancel",
        ),
        ("- {device: wb-1, do: fall, as: f}\n- {device: wb-1, do: fall, as: f}", "give each its own"),
        ("- expect: {event: f, stage: stored}", "event: 'f' is not the `as` of an earlier step"),
        (
            "- {device: wb-1, do: press, as: f}\n- expect: {event: f, stage: done}",
            "step 2 (expect): expect.stage",
        ),
        (
            "- {device: wb-1, do: press, as: f}\n- expect: {device: wb-2, event: f, stage: seen}",
            "is an event of wb-1",
        ),
        (
            "- {device: wb-1, do: reading, values: {pulse: 60}}",
            "'pulse' is no measurement; want one of battery",
        ),
        ("- {device: wb-1, do: hold, values: {heart_rate: 134}}", "for: Field required"),
        ("- {device: wb-1, do: raw, text: a, hex: '00'}", "want either text: … or hex: …"),
        ("- {device: wb-1, do: raw, hex: xyz}", "hex: non-hexadecimal number"),
        ("- {device: wb-1, do: service_request}", "service: Field required"),
    ],
)
def test_what_is_wrong_with_a_step(steps, says, written):
    path = written("name: n\nsteps:\n" + "\n".join("  " + line for line in steps.splitlines()))
    with pytest.raises(UsageError) as error:
        read_scenario(path, FLEET)
    assert str(path) in str(error.value)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: [", "not YAML"),
        ("steps: []", "want name: … and steps"),
        ("name: n\nsteps: []", "steps: List should have at least 1 item"),
        ("- 1", "Input should be a valid dictionary"),
        ("", "Input should be a valid dictionary"),
    ],
)
def test_what_is_wrong_with_a_file(text, says, written):
    with pytest.raises(UsageError, match=says):
        read_scenario(written(text), FLEET)


def test_a_file_that_is_not_there_names_those_that_are():
    with pytest.raises(UsageError, match="broken_payloads, night_fall, out_of_coverage"):
        find_scenario("nowhere")


@pytest.mark.parametrize(
    ("text", "length"),
    [("0s", 0), ("12s", 12), ("1m30s", 90), ("2h", 7200), ("500ms", 0.5), (3, 3), (0.5, 0.5)],
)
def test_lengths_of_time(text, length):
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "s", "1x", "-1s", -1, True, None, "1s1h"])
def test_what_is_no_length_of_time(text):
    with pytest.raises(ValueError, match="not a length of time"):
        seconds(text)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "Invalid JSON"),
        ({"devices": []}, "devices: List should have at least 1 item"),
        ({"devices": [{"device_id": "a b", "password": "x"}]}, r"devices\.0\.device_id"),
        ({"devices": [{"device_id": "a"}]}, r"devices\.0\.password: Field required"),
        ({"devices": [{"device_id": "a", "password": "x"}] * 2}, "is there twice"),
        ({"mqtt": {"host": "h", "port": 0}, "devices": [{"device_id": "a", "password": "x"}]}, r"mqtt\.port"),
    ],
)
def test_what_is_wrong_with_a_fleet_file(content, says, tmp_path):
    path = tmp_path / "demo.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UsageError, match=says):
        read_fleet(path)


def test_a_fleet_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read_fleet(tmp_path / "nowhere.json")


def test_choosing_devices():
    ids = lambda chosen: [entry.device_id for entry in chosen]  # noqa: E731
    assert ids(choose(FLEET, skip_first=1)) == ["wb-2", "smoke-1"]
    assert ids(choose(FLEET, only=["smoke-1"])) == ["smoke-1"]
    with pytest.raises(UsageError, match="'wb-9' is not in the fleet file; it has wb-1, wb-2, smoke-1"):
        choose(FLEET, only=["wb-9"])
    with pytest.raises(UsageError, match="no device is left of 3"):
        choose(FLEET, skip_first=3)


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [("mqtt://h", "h", 1883, False), ("mqtts://h", "h", 8883, True), ("mqtt://u:p@h:99", "h", 99, False)],
)
def test_addresses(url, host, port, tls):
    broker = broker_at(url)
    assert (broker.host, broker.port, broker.tls is not None) == (host, port, tls)


@pytest.mark.parametrize("url", ["h:1883", "http://h", "mqtt://", "mqtt://h:x", "mqtt://h:99999"])
def test_what_is_no_address(url):
    with pytest.raises(UsageError, match="MQTT address"):
        broker_at(url)


def test_presses_are_spread_over_the_devices_and_the_seed_decides_the_order():
    ids = [f"d{number}" for number in range(10)]
    order = pressers(ids, 35, seed=3)
    assert {order.count(name) for name in ids} == {3, 4}
    assert order == pressers(ids, 35, seed=3)
    assert order != pressers(ids, 35, seed=4)


@pytest.mark.parametrize(
    ("seconds_each", "percent", "found"),
    [
        ([], 50, None),
        ([0.001], 99, 1.0),
        ([n / 1000 for n in range(1, 101)], 95, 95.0),
        ([0.001, 0.002], 50, 1.0),
    ],
)
def test_percentiles(seconds_each, percent, found):
    assert percentile(seconds_each, percent) == found
