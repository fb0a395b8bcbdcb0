"""The command line: `anhu …`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.bridges import cloud_settings
from services import administration, ledger, privacy, rules, setting_up
from services.runtime import logs, settings

_SETTINGS = "Settings come from the environment:\n\n" + "\n\n".join(
    f"{name} — {what} (default: {default})" for name, default, what in settings.described()
)

app = typer.Typer(
    help="Anhu (安护): from the press of a wristband to a person at the door.",
    epilog=_SETTINGS,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(administration.device, name="device")
app.add_typer(administration.mqtt_account, name="mqtt-account")
app.add_typer(rules.rules, name="rules")
app.command("init")(setting_up.init)
app.command("import")(setting_up.import_file)
app.command("export")(setting_up.export_file)
app.command("data-key")(setting_up.data_key)
app.command("rotate-keys")(setting_up.rotate_keys)
app.add_typer(privacy.person, name="person")
app.add_typer(privacy.audit, name="audit")
app.command("broker")(administration.broker)
app.command("ledger")(ledger.ledger)
app.command("tls-ca")(administration.tls_ca)


bridge = typer.Typer(help="Carry hardware that does not speak native MQTT to the broker.", no_args_is_help=True)
app.add_typer(bridge, name="bridge")
bridge.command("forget")(administration.forget_bridge)


def _load(part: str, *, needs_secret: bool = False, needs_database: bool = True) -> settings.Settings:
    loaded = settings.load(needs_secret=needs_secret, needs_database=needs_database)
    logs.configure(loaded.log_level, loaded.log_format)
    # What the database calls our sessions: for whoever looks, and for END_HUNG.
    os.environ.setdefault("PGAPPNAME", f"anhu-{part}")
    return loaded


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from services.storage.migrate import migrate as run

    run(_load("migrate").database_url)


@app.command()
def gateway() -> None:
    """Take readings and events in from MQTT. Several may run."""
    from gateway.process import run

    run(_load("gateway"))


@app.command()
def alerts() -> None:
    """Raise, escalate and deliver alerts. Several may run."""
    from alerts.process import run

    run(_load("alerts"))


@app.command()
def api() -> None:
    """Serve HTTP, WebSocket and the station screen. Several may run."""
    from services.api.process import run

    run(_load("api", needs_secret=True))


@app.command()
def homeassistant() -> None:
    """Announce devices and their alerts to Home Assistant. Several may run."""
    from services.home_assistant.process import run

    run(_load("homeassistant"))


@app.command()
def upkeep() -> None:
    """Roll readings up, make and drop partitions, delete what was kept long enough, and learn what is usual for each
    elder, seal telephone numbers, channels and trails. Several may run."""
    from alerts.baselines import make_baselines
    from alerts.false_alarms import learn_false_alarms
    from alerts.learn_habits import learn_habits
    from alerts.press_ledger import keep_ledger
    from services.registry.rotate_keys import seal_in_upkeep
    from services.registry.trails import drop_old_trails, seal_trails
    from services.storage.upkeep import run

    settings = _load("upkeep")
    keys = setting_up.keys_of(settings)
    steps = {
        "baselines_made": make_baselines,
        "habits_learned": learn_habits(settings.database_url),
        "false_alarms_learned": learn_false_alarms,
        "days_reconciled": keep_ledger(settings.database_url),
        "sealed": seal_in_upkeep(settings.database_url, keys),
        "trails_sealed": seal_trails(keys),
        "trails_dropped": drop_old_trails,
    }
    run(settings, steps)


@app.command()
def watch() -> None:
    """Watch ourselves: a synthetic press for every station, and an audit whose findings go out by another way."""
    from services.watch.process import run

    run(_load("watch", needs_secret=True))


@app.command()
def decode(
    file: Annotated[
        typer.FileText,
        typer.Argument(help="captured messages, a line of JSON each; - is standard input", errors="replace"),
    ],
    source: Annotated[str, typer.Option(help="the device family; auto tells it by the topic")] = "auto",
) -> None:
    """Show what captured messages become, and why: a line of JSON for each."""
    from gateway.decode import decode_lines
    from gateway.decoders.registry import FAMILIES

    if source not in ("auto", *FAMILIES):
        sys.exit(f"anhu decode: --source {source}: want auto or one of {', '.join(FAMILIES)}")
    for line in decode_lines(file, source):
        typer.echo(line)


@bridge.command("watch")
def bridge_watch(
    host: Annotated[str, typer.Option(help="address to listen on; there are no passwords: use a private network")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=1, max=65535, help="TCP port that the watches are told")] = 8900,
    device_id: Annotated[str, typer.Option(help="the device id of a watch, from the id that it tells")] = "watch-{id}",
    clock_ahead: Annotated[
        int, typer.Option(min=-840, max=840, help="minutes that the watches' clocks are ahead of UTC")
    ] = 0,
    datum: Annotated[str, typer.Option(help="of their positions: wgs84 or gcj02")] = "wgs84",
    zone: Annotated[int, typer.Option(min=-12, max=14, help="hours ahead of UTC that IW watches show")] = 8,
    max_frame: Annotated[int, typer.Option(min=1024, max=1_048_576, help="bytes of a frame; more is cut off")] = 98_304,
    idle: Annotated[float, typer.Option(min=1, help="seconds of silence after which a connection is closed")] = 1200,
    slow: Annotated[float, typer.Option(min=0.1, help="seconds that one frame may take")] = 30,
    per_address: Annotated[int, typer.Option(min=1, help="connections from one address")] = 5000,
    connections: Annotated[int, typer.Option(min=1, help="connections in all")] = 20_000,
    command_seconds: Annotated[float, typer.Option(min=1, help="seconds a watch has to confirm a command")] = 60,
) -> None:
    """Take 4G watches in over TCP ([3G*…], [SG*…], [CS*…], IW…#). Several may run.

    Needs ANHU_MQTT_URL, with the account anhu-bridge, and no database. An alarm is answered when it is stored.
    """
    from datetime import timedelta

    from gateway.bridges.native_json import device_id as named
    from gateway.bridges.watch import Options, run
    from gateway.bridges.watch_connection import Limits
    from gateway.decoders.watch_frames import Habits

    try:
        named(device_id, "1")
    except ValueError as error:
        sys.exit(f"anhu bridge watch: --device-id: {error}")
    if datum not in ("wgs84", "gcj02"):
        sys.exit(f"anhu bridge watch: --datum {datum}: want wgs84 or gcj02")
    habits = Habits(timedelta(minutes=clock_ahead), "gcj02" if datum == "gcj02" else "wgs84", zone)
    limits = Limits(
        max_frame=max_frame,
        idle_seconds=idle,
        slow_seconds=slow,
        per_address=per_address,
        connections=connections,
        command_seconds=command_seconds,
    )
    run(_load("bridge", needs_database=False), Options(host, port, device_id, habits, limits))


@app.command()
def replay(
    rows: Annotated[
        list[int] | None, typer.Argument(help="ids of quarantine; all that the options name, if none")
    ] = None,
    since_hours: Annotated[float, typer.Option(min=0, help="what came in the last so many hours")] = 24,
    reason: Annotated[str | None, typer.Option(help="what was refused for this, such as unknown_device")] = None,
    source: Annotated[str | None, typer.Option(help="what came by this source")] = None,
    device: Annotated[str | None, typer.Option(help="what this device said, by its id")] = None,
) -> None:
    """Try again what is in quarantine, after a decoder was mended, a device enrolled or a source added."""
    import json
    from datetime import UTC, datetime, timedelta

    from gateway import replay as again
    from gateway.sources import read_sources

    loaded = _load("replay")
    since = datetime.now(UTC) - timedelta(hours=since_hours)
    chosen = rows or again.wanted(loaded.database_url, since, reason=reason, source=source, device_id=device)
    told = again.replay(loaded.database_url, read_sources(loaded.sources_file), chosen)
    typer.echo(json.dumps({"tried": len(chosen), **told}))


@app.command()
def demo(
    data_dir: Annotated[Path, typer.Option(help="where everything of the demo is kept")] = Path("demo-data"),
    http_port: Annotated[int | None, typer.Option(help="port of the station screen")] = None,
    mqtt_port: Annotated[int | None, typer.Option(help="port of the broker")] = None,
    elders: Annotated[int, typer.Option(min=1, help="how many invented elders")] = 30,
) -> None:
    """Start everything on this machine, with an embedded database and invented people."""
    from services.demo.demo import run

    raise typer.Exit(run(data_dir, http_port, mqtt_port, elders))


@bridge.command(
    "cloud",
    epilog="Its settings come from the environment too:\n\n"
    + "\n\n".join(f"{name} — {what} (default: {default})" for name, default, what in cloud_settings.described()),
)
def bridge_cloud() -> None:
    """Take in what IoT clouds push over HTTP: Alink, IoTDA, OneNET, CTWing, Tuya. Several may run.

    Needs ANHU_MQTT_URL, with the account anhu-bridge, and no database. A push with events is answered when they are
    stored.
    """
    from gateway.bridges.cloud_process import run

    cloud = cloud_settings.load()
    run(_load("bridge", needs_database=False), cloud)


def main() -> None:
    """The entry point: a wrong setting is one sentence, not a traceback."""
    if sys.argv[1:2] in ([], ["--help"], ["simulate"]):
        # Only then: a part that has died has to be back soon, and does not wait for the simulators to load.
        from simulators.cli import simulate

        app.command("simulate")(simulate)
    try:
        app()
    except settings.SettingsError as error:
        sys.exit(f"anhu: {error}")


if __name__ == "__main__":
    main()
