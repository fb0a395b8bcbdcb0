"""`anhu simulate`: what is asked for on the command line, checked and put together."""

import asyncio
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from simulators.clock import SimulatedClock, real_time
from simulators.connection import Manners
from simulators.errand import Errand, run
from simulators.fleet import Setting
from simulators.fleet_file import Broker, FleetDevice, UsageError, broker_at, choose, find, read_fleet
from simulators.press import Presses
from simulators.resend import ResendDelays
from simulators.scenario import find_scenario, read_scenario
from simulators.stages import PROGRESS
from simulators.storm import Storm, pressers
from simulators.terms import CHINA

FLEET, EVENTS, STORM, TUNING = "Which devices", "Make something happen", "Many presses", "Time and manners"
RECEIVERS = "People who are told"


def _option(*names: str, panel: str, text: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, **more)


def simulate(
    *,
    fleet: Annotated[
        Path | None, _option("--fleet", panel=FLEET, text="The demo.json of `anhu demo`, or a file like it.")
    ] = None,
    mqtt_url: Annotated[
        str | None,
        _option("--mqtt-url", panel=FLEET, text="mqtt://host:port or mqtts://host:port; else the fleet file's."),
    ] = None,
    default_mqtt_url: Annotated[str | None, typer.Option(envvar="ANHU_MQTT_URL", hidden=True)] = None,
    ca_file: Annotated[
        Path | None,
        _option("--ca-file", panel=FLEET, text="Certificates to trust with mqtts://; else the system's."),
    ] = None,
    only: Annotated[list[str] | None, _option("--only", panel=FLEET, text="Only this device. Repeatable.")] = None,
    skip_first: Annotated[
        int, _option("--skip-first", panel=FLEET, text="Leave the file's first N devices alone.", min=0)
    ] = 0,
    device: Annotated[
        str | None, _option("--device", panel=FLEET, text="A single device instead of a fleet file.")
    ] = None,
    password: Annotated[str | None, _option("--password", panel=FLEET, text="Its password.")] = None,
    kind: Annotated[str, _option("--kind", panel=FLEET, text="Its kind.")] = "wristband",
    press: Annotated[
        list[str] | None, _option("--press", panel=EVENTS, text="Send an SOS from this device. Repeatable.")
    ] = None,
    fall: Annotated[
        list[str] | None, _option("--fall", panel=EVENTS, text="Send a fall from this device. Repeatable.")
    ] = None,
    cancel_after: Annotated[
        float | None, _option("--cancel-after", panel=EVENTS, text="Cancel the fall after S seconds.", min=0)
    ] = None,
    until: Annotated[
        str,
        _option("--until", panel=EVENTS, text=f"Wait for this stage: {', '.join(PROGRESS)} or cancelled."),
    ] = "stored",
    timeout: Annotated[
        float,
        _option("--timeout", panel=EVENTS, text="Seconds to wait after the last press; then exit 1.", min=0),
    ] = 60.0,
    json: Annotated[bool, _option("--json", panel=EVENTS, text="Each receipt as one line of JSON.")] = False,
    with_fleet: Annotated[
        bool,
        _option("--with-fleet", panel=EVENTS, text="Let the whole fleet measure meanwhile. Implied by --duration."),
    ] = False,
    ordinary_events: Annotated[
        bool,
        _option(
            "--ordinary-events",
            panel=EVENTS,
            text="Also events of an ordinary day: worn, bed, door, weekly test.",
        ),
    ] = False,
    scenario: Annotated[
        str | None,
        _option("--scenario", panel=EVENTS, text="Play a YAML file, or one of those that come along, by its name."),
    ] = None,
    presses: Annotated[
        int | None, _option("--presses", panel=STORM, text="So many presses, spread over the devices.", min=1)
    ] = None,
    rate: Annotated[float, _option("--rate", panel=STORM, text="Presses a second.", min=0.001)] = 50.0,
    concurrency: Annotated[
        int | None,
        _option("--concurrency", panel=STORM, text="At most so many unanswered at a time; else any number.", min=1),
    ] = None,
    out: Annotated[Path | None, _option("--out", panel=STORM, text="Write a line of JSON for each press.")] = None,
    seed: Annotated[
        int | None,
        _option("--seed", panel=TUNING, text="Same seed, fleet, start and duration: same payloads."),
    ] = None,
    start: Annotated[
        datetime | None,
        _option(
            "--start",
            panel=TUNING,
            text="Simulated time of the beginning, 北京时间; else now.",
            formats=["%Y-%m-%dT%H:%M:%S"],
        ),
    ] = None,
    speed: Annotated[float, _option("--speed", panel=TUNING, text="Simulated seconds in a real one.", min=0.001)] = 1.0,
    duration: Annotated[
        float | None, _option("--duration", panel=TUNING, text="End after so many simulated seconds.", min=0)
    ] = None,
    connect_rate: Annotated[
        float, _option("--connect-rate", panel=TUNING, text="Connections begun in a second.", min=0.1)
    ] = 100.0,
    resend_first: Annotated[
        float,
        _option("--resend-first", panel=TUNING, text="Seconds to the first repeat of an event; then doubling."),
    ] = 5.0,
    resend_longest: Annotated[
        float, _option("--resend-longest", panel=TUNING, text="Seconds between repeats at most.")
    ] = 60.0,
    receivers: Annotated[
        int | None,
        _option(
            "--receivers",
            panel=RECEIVERS,
            text="Be the services behind people's telephones on this port: push, SMS, voice, robot, webhook.",
            min=0,
            max=65535,
        ),
    ] = None,
    hook_secret: Annotated[
        str, _option("--hook-secret", panel=RECEIVERS, text="The secret that a webhook's signatures are checked by.")
    ] = "",
    client_id_prefix: Annotated[
        str, _option("--client-id-prefix", panel=TUNING, text="MQTT client id before the device's id.")
    ] = "sim-",
) -> None:
    """Virtual devices against any MQTT broker.

    The devices of the fleet file measure and report until Ctrl-C, and raise nothing.
    With --press, --fall, --presses or --scenario only the devices named there act, and then it ends.
    """
    if receivers is not None:
        from simulators.receivers.run import run as listen

        raise typer.Exit(listen(receivers, hook_secret, _report, typer.echo))
    try:
        entries, broker = _devices(
            fleet=fleet,
            device=device,
            password=password,
            kind=kind,
            mqtt_url=mqtt_url,
            default_mqtt_url=default_mqtt_url,
            ca_file=ca_file,
        )
        wanted = Presses(press or (), fall or (), cancel_after, until, timeout, json)
        if out is not None:
            _check_writable(out)
        _check(wanted, until, [bool(press or fall), bool(presses), bool(scenario)])
        played, steps = read_scenario(find_scenario(scenario), entries) if scenario else (None, [])
        if seed is None:
            seed = played.seed if played and played.seed is not None else secrets.randbits(32)
        acting = [*wanted.press, *wanted.fall, *(step.device_id for step in steps)]
        whole_fleet = with_fleet or duration is not None or not (acting or presses)
        chosen = choose(entries, only or (), skip_first) if whole_fleet or presses else []
        order = pressers([entry.device_id for entry in chosen], presses, seed) if presses else []
        taking_part = {entry.device_id: entry for entry in chosen if whole_fleet or entry.device_id in set(order)}
        taking_part |= {name: find(entries, name) for name in acting}
        errand = Errand(
            list(taking_part.values()),
            measures=whole_fleet or bool(steps),
            stays=whole_fleet,
            duration=None if duration is None else timedelta(seconds=duration),
            presses=wanted if press or fall else None,
            scenario=steps,
            storm=Storm(order, rate, concurrency, timeout) if order else None,
            out=out,
        )
        setting = Setting(
            broker=broker,
            seed=seed,
            clock=SimulatedClock(_start(start, speed, duration), speed),
            report=_report,
            delays=_delays(resend_first, resend_longest),
            connect_rate=connect_rate,
            manners=Manners(client_id_prefix) if whole_fleet else _visitor(announces=bool(steps)),
            ordinary_events=ordinary_events,
        )
    except UsageError as error:
        _report(f"anhu simulate: {error}")
        raise typer.Exit(2) from None
    _report(f"seed {seed}; broker {broker.host}:{broker.port}")
    raise typer.Exit(_run(lambda stop: run(errand, setting, stop, show=typer.echo)))


def _devices(
    *,
    fleet: Path | None,
    device: str | None,
    password: str | None,
    kind: str,
    mqtt_url: str | None,
    default_mqtt_url: str | None,
    ca_file: Path | None,
) -> tuple[list[FleetDevice], Broker]:
    if (device is None) != (password is None):
        raise UsageError("--device and --password go together")
    if (fleet is None) == (device is None):
        raise UsageError("give either --fleet FILE (the demo.json of `anhu demo`) or --device ID with --password")
    url = mqtt_url
    if fleet is not None:
        file = read_fleet(fleet)
        entries = file.devices
        if url is None and file.mqtt is not None:
            url = f"mqtt://{file.mqtt.host}:{file.mqtt.port}"
    else:
        assert device is not None
        assert password is not None
        try:
            entries = [FleetDevice(device_id=device, password=password, kind=kind)]
        except ValueError:
            raise UsageError(f"--device {device!r}: a device_id is 1 to 64 of A-Z a-z 0-9 . _ -") from None
    url = url or default_mqtt_url
    if url is None:
        raise UsageError("no broker: give --mqtt-url mqtt://host:port, or set ANHU_MQTT_URL")
    return entries, broker_at(url, ca_file)


def _check(wanted: Presses, until: str, actions: list[bool]) -> None:
    if until not in (*PROGRESS, "cancelled"):
        raise UsageError(f"--until {until!r}: want one of {', '.join(PROGRESS)}, cancelled")
    if wanted.cancel_after is not None and not wanted.fall:
        raise UsageError("--cancel-after goes with --fall DEVICE")
    if sum(actions) > 1:
        raise UsageError("--press and --fall, --presses and --scenario are three kinds of run: give one of them")


def _check_writable(out: Path) -> None:
    """Now, and not after an hour of presses."""
    try:
        out.touch()
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}") from None


def _start(start: datetime | None, speed: float, duration: float | None) -> datetime | None:
    if start is not None:
        return start.replace(tzinfo=CHINA)
    if speed > 1:
        if duration is not None:
            # A fast run without a beginning is one that fills the past, up to now.
            return real_time() - timedelta(seconds=duration)
        _report("simulated time runs ahead of the clock, so readings come from the future; see --start")
    return None


def _delays(first: float, longest: float) -> ResendDelays:
    try:
        return ResendDelays(first, longest)
    except ValueError as error:
        raise UsageError(f"--resend-first, --resend-longest: {error}") from None


def _visitor(*, announces: bool) -> Manners:
    """For a short visit beside whatever else drives the device: an own session that is dropped at the end."""
    return Manners(client_id_prefix=f"sim-{secrets.token_hex(4)}-", lasting=False, announces=announces)


def _report(line: str) -> None:
    typer.echo(line, err=True)


def _run(work: Callable[[asyncio.Event], Awaitable[int]]) -> int:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        # Connecting blocks a thread for as long as the broker lets it wait.
        loop.set_default_executor(ThreadPoolExecutor(32, thread_name_prefix="connect"))
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        return await work(stop)

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
