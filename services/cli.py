"""The command line: `anhu …`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

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


def _load(part: str, *, needs_secret: bool = False) -> settings.Settings:
    loaded = settings.load(needs_secret=needs_secret)
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
def decode(
    file: Annotated[
        typer.FileText,
        typer.Argument(help="captured messages, a line of JSON each; - is standard input", errors="replace"),
    ],
    source: Annotated[str, typer.Option(help="the device family; auto tells it by the topic")] = "auto",
) -> None:
    """Show what captured messages become, and why: a line of JSON for each."""
    from gateway.decode import decode_lines
    from gateway.decoders.registry import DECODERS

    if source not in ("auto", *DECODERS):
        sys.exit(f"anhu decode: --source {source}: want auto or one of {', '.join(DECODERS)}")
    for line in decode_lines(file, source):
        typer.echo(line)


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
