"""What the command line refuses, in one sentence that says how to mend it."""

import json

import pytest
import typer
from typer.testing import CliRunner

from simulators.cli import simulate

app = typer.Typer()
app.command("simulate")(simulate)


@pytest.fixture
def fleet(tmp_path):
    path = tmp_path / "demo.json"
    devices = [{"device_id": f"wb-{number}", "password": "x", "kind": "wristband"} for number in range(3)]
    path.write_text(json.dumps({"mqtt": {"host": "127.0.0.1", "port": 1}, "devices": devices}))
    return str(path)


@pytest.fixture(autouse=True)
def no_broker_in_the_environment(monkeypatch):
    monkeypatch.delenv("ANHU_MQTT_URL", raising=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give either --fleet FILE"),
        (["--device", "wb-1"], "--device and --password go together"),
        (["--device", "wb-1", "--password", "x"], "no broker: give --mqtt-url"),
        (["--device", "a b", "--password", "x"], "a device_id is 1 to 64 of"),
        (["--fleet", "FLEET", "--press", "wb-9"], "'wb-9' is not in the fleet file"),
        (["--fleet", "FLEET", "--skip-first", "3"], "no device is left of 3"),
        (["--fleet", "FLEET", "--mqtt-url", "http://h"], "want mqtt://host:port or mqtts://host:port"),
        (["--fleet", "FLEET", "--press", "wb-1", "--until", "done"], "--until 'done': want one of stored"),
        (["--fleet", "FLEET", "--cancel-after", "3"], "--cancel-after goes with --fall"),
        (["--fleet", "FLEET", "--press", "wb-1", "--presses", "3"], "three kinds of run: give one"),
        (["--fleet", "FLEET", "--scenario", "nowhere"], "those that come with the simulators are"),
        (["--fleet", "FLEET", "--presses", "3", "--out", "FLEET/x"], "Not a directory"),
        (["--fleet", "FLEET", "--press", "wb-1", "--resend-first", "0"], "--resend-first, --resend-longest"),
        (["--fleet", "FLEET", "--ca-file", "nowhere", "--mqtt-url", "mqtts://h"], "certificate file nowhere"),
    ],
)
def test_what_is_refused(arguments, says, fleet):
    result = CliRunner().invoke(app, [argument.replace("FLEET", fleet) for argument in arguments])
    assert result.exit_code == 2
    assert says in result.stderr
    assert "Traceback" not in result.output


def test_it_can_be_mounted_and_explains_itself():
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "160"})
    assert result.exit_code == 0
    for option in ("--fleet", "--press", "--fall", "--presses", "--scenario", "--seed", "--skip-first"):
        assert option in result.output
