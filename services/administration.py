"""`anhu device …`, `anhu mqtt-account …`, `anhu broker`, `anhu tls-ca`: who may sign in to the broker, from the
command line.

Whoever has the database's address may do all of it; what is done is in `identity_log` under the name of the operating
system's user. Secrets go to standard output, or into a file for its owner only, and nowhere else.
"""

import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import typer

from services.runtime import logs, settings

if TYPE_CHECKING:
    from services.registry.enrolment import Flaw
    from services.registry.names import Actor
    from services.storage.pool import Connection

T = TypeVar("T")

device = typer.Typer(help="Enrol devices, give them new secrets, shut them out.", no_args_is_help=True)
mqtt_account = typer.Typer(
    help="The broker's accounts that are not devices: gateway, alerts, bridges, other platforms.", no_args_is_help=True
)

_ID = Annotated[str, typer.Argument(metavar="DEVICE_ID")]
_NAME = Annotated[str, typer.Argument(metavar="NAME", help="anhu-gateway and anhu-alerts know their own rights")]
_RIGHTS = Annotated[list[str], typer.Option("--right", help="'read|write|readwrite TOPIC'; several times")]
_ALL_DEVICES = Annotated[
    bool,
    typer.Option("--all-devices", help="allow topics of every device: only for whom you trust so far"),
]


def with_database(work: "Callable[[Connection, Actor], Awaitable[T]]") -> T:
    """Runs a use case as the operating system's user; what cannot be done is one sentence."""
    from psycopg import AsyncConnection, OperationalError

    from services.broker.rights import RightsError
    from services.registry.names import Actor, NotPossibleError, UnknownNameError

    loaded = settings.load()

    async def run() -> T:
        async with await AsyncConnection.connect(
            loaded.database_url, autocommit=True, connect_timeout=5, application_name="anhu-administration"
        ) as connection:
            return await work(connection, Actor(_user()))

    try:
        return asyncio.run(run())
    except UnknownNameError as error:
        sys.exit(f"anhu: there is no {error}")
    except (NotPossibleError, RightsError) as error:
        sys.exit(f"anhu: {error}")
    except OperationalError as error:
        sys.exit(f"anhu: the database does not answer: {str(error).strip()}")


def _user() -> str:
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        return f"user {os.getuid()} (command line)"


def _tell(flaws: "list[Flaw]") -> None:
    for flaw in flaws:
        typer.echo(f"{flaw}{f' ({flaw.value})' if flaw.value else ''}", err=True)


@device.command("enrol")
def enrol_one(
    device_id: _ID,
    kind: Annotated[str, typer.Option(help="wristband, fall_detector, …")],
    organization: Annotated[str | None, typer.Option(help="its id, name or division code")] = None,
    elder: Annotated[UUID | None, typer.Option(help="the id of the elder who has it")] = None,
    model: Annotated[str | None, typer.Option(help="what the maker calls it")] = None,
    source: Annotated[str | None, typer.Option(help="the network that knows it by another name")] = None,
    hardware_id: Annotated[str | None, typer.Option(help="that name: an EUI, an IMEI, an IEEE address")] = None,
) -> None:
    """Make one device known; prints its secret, this once."""
    from services.registry.enrol import enrol
    from services.registry.enrolment import Enrolment

    wanted = Enrolment(device_id, kind, model, organization, elder, source, hardware_id)
    done = with_database(lambda connection, actor: enrol(connection, actor, [wanted]))
    if done.flaws:
        _tell(done.flaws)
        raise typer.Exit(1)
    typer.echo(done.secrets[0][1])


@device.command("import")
def import_csv(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV; the first line names the columns")],
    secrets: Annotated[Path, typer.Option(help="where the secrets go: a new file, for its owner only")],
    partial: Annotated[bool, typer.Option("--partial", help="enrol the good lines, and leave out the others")] = False,
) -> None:
    """Make many devices known: all, or none where a line is wrong.

    Columns: device_id, kind, model, organization_id or organization (a name or division code), elder_id, source,
    hardware_id. The secrets are in the file that --secrets names, and nowhere else.
    """
    from services.registry.enrol import Enrolled, enrol
    from services.registry.enrolment import read_csv, secrets_csv

    wanted, flaws = read_csv(file.read_bytes())
    try:
        output = open(secrets, "x", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600))  # noqa: SIM115
    except OSError as error:
        sys.exit(f"anhu: cannot make {secrets} ({error.strerror}): name a new file for the secrets")

    async def work(connection: "Connection", actor: "Actor") -> Enrolled:
        # The file before the commit: a device whose secret nobody has would have to be rotated.
        async with connection.transaction():
            done = await enrol(connection, actor, wanted, partial=partial, flaws=flaws)
            output.write(secrets_csv(done.secrets))
            output.flush()
            os.fsync(output.fileno())
        return done

    try:
        with output:
            done = with_database(work)
    except BaseException:
        secrets.unlink()
        raise
    _tell(done.flaws)
    if not done.secrets:
        secrets.unlink()
        typer.echo("nothing was enrolled: mend the lines above, or give --partial", err=True)
        raise typer.Exit(1)
    typer.echo(f"{len(done.secrets)} devices are enrolled; their secrets are in {secrets}", err=True)


@device.command("rotate")
def rotate_one(device_id: _ID) -> None:
    """Give a device a new secret, which is printed this once. The old one ends within seconds: have the device at
    hand, it is cut off until it has the new one."""
    from services.registry.rotate import rotate

    typer.echo(with_database(lambda connection, actor: rotate(connection, actor, device_id)))


@device.command("revoke")
def revoke_one(device_id: _ID) -> None:
    """Shut a device out: it is cut off within seconds."""
    from services.registry.revoke import revoke

    with_database(lambda connection, actor: revoke(connection, actor, device_id))


@device.command("restore")
def restore_one(device_id: _ID) -> None:
    """Take a revocation back; prints a new secret, this once."""
    from services.registry.rotate import restore

    typer.echo(with_database(lambda connection, actor: restore(connection, actor, device_id)))


@device.command("list")
def list_devices() -> None:
    """Every device, a line each: name, kind, organisation, state, enrolled, last seen."""

    async def work(connection: "Connection", _actor: "Actor") -> None:
        statement = """
            SELECT d.device_id, d.kind, o.name, d.enrolled_at, s.last_seen_at,
                   CASE WHEN d.revoked_at IS NOT NULL THEN 'revoked' WHEN d.credential_hash IS NULL THEN 'no secret'
                        ELSE 'enrolled' END
            FROM devices d JOIN organizations o ON o.id = d.organization_id
            LEFT JOIN device_states s ON s.device_key = d.key ORDER BY d.device_id"""
        async with connection.cursor() as cursor:
            async for name, kind, organization, enrolled_at, seen_at, state in cursor.stream(statement):
                seen = f"{seen_at:%Y-%m-%d %H:%M}" if seen_at else "never"
                typer.echo(f"{name}\t{kind}\t{organization}\t{state}\t{enrolled_at:%Y-%m-%d}\t{seen}")

    with_database(work)


@mqtt_account.command("add")
def add(name: _NAME, right: _RIGHTS = [], all_devices: _ALL_DEVICES = False) -> None:  # noqa: B006 - typer's form
    """Make an account; prints its secret, this once."""
    from services.broker.rights import OWN_RIGHTS
    from services.registry.service_accounts import add_account

    rights = (*OWN_RIGHTS.get(name, ()), *right)
    everything = all_devices or (name in OWN_RIGHTS and not right)
    typer.echo(with_database(lambda c, actor: add_account(c, actor, name, rights, all_devices=everything)))


@mqtt_account.command("rights")
def rights(name: _NAME, right: _RIGHTS, all_devices: _ALL_DEVICES = False) -> None:
    """Give an account these rights in the place of those it has."""
    from services.registry.service_accounts import set_rights

    with_database(lambda c, actor: set_rights(c, actor, name, tuple(right), all_devices=all_devices))


@mqtt_account.command("rotate")
def rotate_name(name: _NAME) -> None:
    """Give an account a new secret, which is printed this once; one that was revoked is back."""
    from services.registry.service_accounts import rotate_account

    typer.echo(with_database(lambda connection, actor: rotate_account(connection, actor, name)))


@mqtt_account.command("revoke")
def revoke_name(name: _NAME) -> None:
    """Shut an account out: it is cut off within seconds."""
    from services.registry.service_accounts import revoke_account

    with_database(lambda connection, actor: revoke_account(connection, actor, name))


@mqtt_account.command("list")
def list_names() -> None:
    """Every account, a line each: name, state, rights."""
    from services.registry.service_accounts import list_accounts

    for account in with_database(lambda connection, _actor: list_accounts(connection)):
        state = "revoked" if account.revoked_at else "in force"
        typer.echo(f"{account.username}\t{state}\t{'; '.join(account.rights)}")


def broker(
    directory: Annotated[Path, typer.Argument(help="where Mosquitto's `passwords` and `rights.acl` are")],
    pid_file: Annotated[
        Path | None, typer.Option(help="the pid_file of mosquitto.conf; mosquitto.pid in the directory, if not given")
    ] = None,
    user: Annotated[str | None, typer.Option(help="whom Mosquitto runs as: the files are given to that user")] = None,
    every: Annotated[float, typer.Option(min=0.1, help="seconds between two writes, at least")] = 10.0,
    once: Annotated[bool, typer.Option("--once", help="write the files now, and end")] = False,
) -> None:
    """Keep Mosquitto's accounts as the tables say, without restarting it. Runs where the broker runs."""
    from gateway.sources import filters, read_sources
    from services.broker.follow import UnfitCertificatesError, run, run_once
    from services.broker.mosquitto import BrokerDirectory

    loaded = settings.load()
    gateway_reads = filters(read_sources(loaded.sources_file))
    if not directory.is_dir():
        sys.exit(f"anhu broker: {directory} is not a directory: make it, or name the one of mosquitto.conf")
    files = BrokerDirectory(directory, _owner(user))
    if not once:
        logs.configure(loaded.log_level, loaded.log_format)
        os.environ.setdefault("PGAPPNAME", "anhu-broker")
        run(loaded.database_url, files, pid_file or files.pid_file, every, gateway_reads)
        return
    try:
        written = run_once(loaded.database_url, files, pid_file or files.pid_file, gateway_reads)
    except UnfitCertificatesError as error:
        sys.exit(
            f"anhu broker: the files are written, but Mosquitto is not told: it would let nobody in by TLS: {error}"
        )
    typer.echo(f"{written.devices} devices and {written.services} service accounts may sign in.")
    if written.left_out:
        typer.echo(f"left out, with no hash or name that Mosquitto takes: {', '.join(written.left_out)}", err=True)
        raise typer.Exit(1)


def tls_ca(
    directory: Annotated[Path, typer.Argument(help="where ca.pem, server.pem and the keys are kept")],
    host: Annotated[list[str], typer.Option(help="a name or address that devices connect to; several times")] = [],  # noqa: B006
    device_id: Annotated[list[str], typer.Option("--device", help="a device that gets a certificate of its own")] = [],  # noqa: B006
    user: Annotated[str | None, typer.Option(help="whom Mosquitto runs as: the key is given to that user")] = None,
) -> None:
    """Make a certificate authority for development, and the broker's certificate. Again: keeps the authority, and
    renews the broker's certificate."""
    import shlex
    from datetime import UTC, datetime

    from services.broker.certificates import CertificateError, make_certificates

    try:
        made = make_certificates(directory, host, device_id, datetime.now(UTC), owner=_owner(user))
    except CertificateError as error:
        sys.exit(f"anhu tls-ca: {error}")
    except OSError as error:
        sys.exit(f"anhu tls-ca: cannot write in {directory}: {error.strerror}")
    if made.authority_is_new:
        typer.echo(f"A new authority: give devices and gateways {made.authority}", err=True)
    typer.echo(f"The broker's certificate is for {', '.join(made.hosts)}; in mosquitto.conf:", err=True)
    typer.echo(f"listener 8883\ncertfile {made.certificate.resolve()}\nkeyfile {made.key.resolve()}")
    for certificate in made.devices:
        typer.echo(f"Give the device {shlex.quote(str(certificate))} and the .key beside it", err=True)


def _owner(user: str | None) -> tuple[int, int] | None:
    import pwd

    try:
        entry = pwd.getpwnam(user) if user else None
    except KeyError:
        sys.exit(f"anhu: --user {user}: no such user on this machine")
    return (entry.pw_uid, entry.pw_gid) if entry else None


def forget_bridge(name: Annotated[str, typer.Argument(help="as /readyz has it")]) -> None:
    """Say of a bridge that is gone or stopped that it is not to come back: nobody is warned of it any more.

    One that is there is known again within seconds.
    """
    from services.registry.names import UnknownNameError

    async def work(connection: "Connection", _actor: "Actor") -> None:
        done = await connection.execute("DELETE FROM bridges WHERE name = %s", (name,))
        if not done.rowcount:
            raise UnknownNameError(f"bridge {name}")

    with_database(work)
    typer.echo(f"the bridge {name} is forgotten", err=True)
