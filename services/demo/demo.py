"""`anhu demo`: database, broker, every process and virtual devices on this machine, from one folder."""

import errno
import sys
from pathlib import Path
from urllib.parse import SplitResult

import psycopg

import services
from services.demo.broker import OwnBroker, choose_broker, start_broker
from services.demo.database import start_database
from services.demo.errors import DemoError
from services.demo.folder import DemoFolder, Keys
from services.demo.ports import choose_port
from services.demo.press import press_line
from services.demo.progress import say, step
from services.demo.readiness import Readiness
from services.demo.seed import seed
from services.demo.supervise import Program, StoppedError, Supervisor, end_leftovers
from services.demo.unprivileged import USERNAME, server_user
from services.storage.migrate import migrate

USUAL_HTTP_PORT = 8000
WEB_PAGE = Path(services.__file__).parent / "web" / "dist" / "index.html"
READY_SECONDS = 60.0


def run(data_dir: Path, http_port: int | None, mqtt_port: int | None, elders: int) -> int:
    """Runs until Ctrl-C or SIGTERM; the exit code: 0 after one, 1 when it could not start and said why.

    A port that is None is the usual one or, where that is taken, the next free one. ANHU_DATABASE_URL and
    ANHU_MQTT_URL, when set, name servers to use instead of our own.
    """
    folder = DemoFolder(data_dir)
    try:
        with folder.locked():
            _run(folder, http_port, mqtt_port, elders)
    except DemoError as error:
        reason = str(error)
    except psycopg.errors.DiskFull:
        reason = f"the disk is full: make room where {folder.path} is"
    except psycopg.OperationalError as error:
        reason = f"the database does not answer: {str(error).strip()}"
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = f"the disk is full: make room where {folder.path} is"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            reason = f"no permission for {error.filename or folder.path}: choose another --data-dir"
        else:
            raise
    else:
        return 0
    print(f"anhu demo: {reason}", file=sys.stderr, flush=True)
    return 1


def _run(folder: DemoFolder, http_port: int | None, mqtt_port: int | None, elders: int) -> None:
    if not WEB_PAGE.is_file():
        raise DemoError("the station screen is not built: run `make web` first")
    if elders < 1:
        raise DemoError(f"--elders {elders}: one at least")
    port = choose_port(http_port, USUAL_HTTP_PORT, "--http-port")
    if http_port is None and port != USUAL_HTTP_PORT:
        say(f"Port {USUAL_HTTP_PORT} is taken; the station screen goes to {port}.")
    for name in end_leftovers(folder.processes):
        say(f"Ended {name}, left over from a demo that was killed.")
    broker = choose_broker(mqtt_port, frozenset({port}))
    say(f"Anhu's demo, in {folder.path}")
    with Supervisor(folder.logs, folder.processes, say) as supervisor:
        try:
            _start(supervisor, folder, port, broker, elders)
            supervisor.run()
        except StoppedError:
            pass
        say("Stopping …")
    say(f"Stopped. Everything is kept in {folder.path}; starting again continues.")


def _start(
    supervisor: Supervisor, folder: DemoFolder, http_port: int, chosen: OwnBroker | SplitResult, elders: int
) -> None:
    database_url = start_database(supervisor, folder)
    with step("schema"):
        migrate(database_url)
    supervisor.check_stopped()

    keys = Keys(folder.path / "keys.json")
    with step("invented people and devices"), psycopg.connect(database_url) as connection:
        seeded = seed(connection, keys, elders)
    keys.data_key()  # kept with the passwords, or what it seals could not be opened after the next start
    keys.save()
    supervisor.check_stopped()

    broker = start_broker(supervisor, folder, keys, chosen, database_url)
    http = f"http://127.0.0.1:{http_port}"
    folder.write_fleet(
        {
            "http": http,
            "mqtt": {"host": broker.host, "port": broker.port},
            "operator": seeded.operator,
            "organization_id": seeded.organization_id,
            "organizations": seeded.organizations,
            "accounts": seeded.accounts,
            "devices": seeded.devices,
        }
    )

    environment = {
        "ANHU_DATABASE_URL": database_url,
        "ANHU_HTTP_HOST": "127.0.0.1",
        "ANHU_HTTP_PORT": str(http_port),
        "ANHU_SECRET_KEY": keys.signing_key(),
        "ANHU_DATA_KEYS": keys.data_key(),
        "ANHU_MQTT_URL": broker.gateway_url,
        "ANHU_PUBLIC_URL": http,
        # `anhu simulate --receivers` is on this machine.
        "ANHU_CHANNELS_MAY_BE_LOCAL": "true",
    }
    with step("gateway, alerts, api, upkeep, watch, virtual devices"):
        if broker.ours:
            user = ["--user", USERNAME] if server_user() else []
            # Whoever tries a revocation in the demo does not want to wait; its few devices are read in no time.
            supervisor.start(_anhu("broker", environment, str(folder.broker), "--every", "1", *user))
        supervisor.start(_anhu("gateway", environment))
        supervisor.start(_anhu("alerts", environment | {"ANHU_MQTT_URL": broker.alerts_url}))
        supervisor.start(_anhu("api", environment))
        supervisor.start(_anhu("upkeep", environment))
        supervisor.start(_anhu("watch", environment | {"ANHU_MQTT_URL": broker.probe_url}))
        # The first device is for whoever tries the demo.
        supervisor.start(_anhu("simulate", environment, "--fleet", str(folder.fleet), "--skip-first", "1"))
        readiness = Readiness(http_port)
        supervisor.wait_for(readiness, readiness.missing, READY_SECONDS)

    say(f"""
ready {http}

Sign in as {seeded.operator["username"]} with {seeded.operator["password"]}
More accounts, for every tier, are in {folder.fleet}

Press SOS on {seeded.devices[0]["device_id"]} by pasting this line into a shell, as often as you like:

{press_line(seeded.devices[0], broker)}

Ctrl-C stops everything.""")


def _anhu(command: str, environment: dict[str, str], *options: str) -> Program:
    return Program(
        name=command,
        command=[sys.executable, "-m", "services.cli", command, *options],
        environment=environment | {"PYTHONUNBUFFERED": "1"},
    )
