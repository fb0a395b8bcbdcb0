"""`anhu init`, `import`, `export`, `data-key`, `rotate-keys`: from an empty database to a district that works."""

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from services.administration import with_database
from services.runtime import settings

if TYPE_CHECKING:
    from services.registry.bulk.staging import Mode, Result
    from services.registry.names import Actor
    from services.registry.sealing import Keys
    from services.registry.set_up import SetUp
    from services.storage.pool import Connection

_KINDS = "organizations, elders, contacts, devices, accounts or responders"
_KIND = Annotated[str, typer.Argument(metavar="KIND", help=_KINDS)]
_STEPS = {"read": "rows read", "match": "rows: finding who is there already", "write": "rows: writing"}


def init(
    divisions: Annotated[
        list[Path], typer.Option(help="CSV with `code` and `name` of administrative divisions; several times")
    ] = [],  # noqa: B006 - typer's form
    division: Annotated[
        list[str], typer.Option(help="only this division and all below it: 50, 5001, 500111, …; several times")
    ] = [],  # noqa: B006
    root_name: Annotated[
        str | None,
        typer.Option(help="what the organisation above all others is called; else the one top division is it"),
    ] = None,
    admin: Annotated[str, typer.Option(help="user name of the first administrator")] = "admin",
    admin_name: Annotated[str, typer.Option(help="what screens call them")] = "系统管理员",
) -> None:
    """Set a district up on an empty database: schema, organisation tree, first administrator. Again adds what is
    missing. Prints the administrator's password, this once."""
    from services.registry.divisions import DivisionsError, plan, read_divisions
    from services.registry.imports.others import USERNAME
    from services.registry.set_up import SetUpError, set_up
    from services.storage.migrate import migrate

    if not USERNAME.fullmatch(admin):
        sys.exit(f"anhu init: --admin {admin}: want 2 to 64 of A-Z a-z 0-9 . _ @ -")
    if division and not divisions:
        sys.exit("anhu init: --division chooses from files: name them with --divisions")
    try:
        found = [one for file in divisions for one in read_divisions(str(file), _bytes(file))]
        nodes = plan(found, division)
    except DivisionsError as error:
        sys.exit(f"anhu init: {error}")

    async def work(connection: "Connection", actor: "Actor") -> "SetUp":
        return await set_up(connection, actor, nodes, root_name=root_name, username=admin, name=admin_name)

    migrate(_reachable(settings.load().database_url))
    try:
        done = with_database(work)
    except SetUpError as error:
        sys.exit(f"anhu init: {error}")
    typer.echo(f"{done.root}: {done.added} organisations added, {done.there} were there", err=True)
    if done.password is None:
        typer.echo(f"the administrator is {done.username}, with the password that they have", err=True)
    else:
        typer.echo(f"the administrator is {done.username}; the password, which is told this once:", err=True)
        typer.echo(done.password)
    if not settings.load().data_keys.get_secret_value():
        told = "before identity numbers can be imported, and for telephone numbers to be sealed: set ANHU_DATA_KEYS;"
        typer.echo(f"{told} `anhu data-key` makes a key", err=True)


def import_file(
    kind: _KIND,
    file: Annotated[Path, typer.Argument(help="CSV or XLSX; its form is told by its content")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would happen, and change nothing")] = False,
    all_or_nothing: Annotated[
        bool, typer.Option("--all-or-nothing/--skip-bad", help="nothing where a row is wrong; or leave such rows out")
    ] = True,
    template: Annotated[bool, typer.Option("--template", help="write an empty form to FILE instead")] = False,
    secrets: Annotated[
        Path | None, typer.Option(help="where devices' secrets or new people's passwords go: a new file, for its owner")
    ] = None,
    errors: Annotated[Path | None, typer.Option(help="where the wrong rows go, as CSV; else on the screen")] = None,
) -> None:
    """Take people, places or devices in from a file as civil-affairs offices write it. Safe to do again."""
    _known(kind)
    if template:
        _write_template(kind, file)
        return
    needs = not dry_run and kind in ("devices", "accounts")
    if needs and secrets is None:
        sys.exit(f"anhu import {kind}: name a new file with --secrets: what is told once has to go somewhere")
    output = new_file(secrets) if needs and secrets else None
    try:
        mode: Mode = "check" if dry_run else "all" if all_or_nothing else "skip"
        result = _import(kind, _bytes(file), mode, output)
    finally:
        if output is not None:
            output.close()
            if secrets and not secrets.stat().st_size:
                secrets.unlink()
    _tell(result, errors, dry_run=dry_run)
    if secrets and result.secrets:
        typer.echo(f"{len(result.secrets)} secrets are in {secrets}", err=True)
    if result.wrong and not (result.applied or dry_run):
        typer.echo("nothing was imported: mend the rows above, or give --skip-bad", err=True)
    if result.wrong:
        raise typer.Exit(1)


def export_file(
    kind: _KIND,
    file: Annotated[Path, typer.Argument(help="a new file, for its owner only; .csv or .xlsx")],
) -> None:
    """Write all there is of a kind, in the form in which it may be imported again."""
    from services.registry.export import exported
    from services.registry.imports.columns import KINDS
    from services.registry.imports.forms import written
    from services.registry.sealing import KeysError

    _known(kind)
    form = _form(file)

    async def work(connection: "Connection", actor: "Actor") -> list[list[str | None]]:
        return [row async for row in exported(connection, actor, _keys(), kind)]

    try:
        rows = with_database(work)
    except KeysError as error:
        sys.exit(f"anhu export: {error}")
    with new_file(file) as output:
        output.write(written(KINDS[kind], form, rows))
    typer.echo(f"{len(rows)} rows are in {file}", err=True)


def data_key(
    name: Annotated[str | None, typer.Option(help="of the key; today's date, if not given")] = None,
) -> None:
    """Print a new key for ANHU_DATA_KEYS. The first key of the setting seals; those behind it open what is older."""
    from services.registry.sealing import new_key

    typer.echo(new_key(name or f"{datetime.now(UTC):k%Y%m%d}"))


def rotate_keys() -> None:
    """Seal every identity number, telephone number, second factor and channel with the first key of ANHU_DATA_KEYS;
    then the others may be taken away. What is plain is sealed too. May be stopped and begun again."""
    from services.registry.rotate_keys import rotate_keys as rotate
    from services.registry.sealing import KeysError

    try:
        done = with_database(lambda connection, actor: rotate(connection, actor, _keys(), _shown("sealed")))
    except KeysError as error:
        sys.exit(f"anhu rotate-keys: {error}")
    typer.echo(f"{done} rows are sealed anew, with the key {_keys().in_use}", err=True)


def _keys() -> "Keys":
    return keys_of(settings.load())


def keys_of(loaded: settings.Settings) -> "Keys":
    from services.registry.sealing import Keys, KeysError

    try:
        return Keys(loaded.data_keys.get_secret_value())
    except KeysError as error:
        raise settings.SettingsError(str(error)) from None


def _import(kind: str, data: bytes, mode: "Mode", output: IO[bytes] | None) -> "Result":
    from gateway.decoders.datum import gcj02_to_wgs84
    from services.registry.take_in_file import take_in_file

    progress = _Progress()

    def keep(secrets: list[tuple[str, str]]) -> None:
        if output is not None:
            _keep_secrets(output, kind, secrets)

    async def work(connection: "Connection", actor: "Actor") -> "Result":
        return await take_in_file(
            connection, actor, _keys(), kind, data, mode, from_map=gcj02_to_wgs84, tell=progress, keep=keep
        )

    try:
        return with_database(work)
    finally:
        progress.end()


class _Progress:
    """A line that is written over on a terminal; a line each ten seconds elsewhere."""

    def __init__(self) -> None:
        self._told_at, self._begun = time.monotonic(), time.monotonic()
        self._terminal = sys.stderr.isatty()

    def __call__(self, step: str, rows: int) -> None:
        now = time.monotonic()
        if step == "read" and now - self._told_at < (0.2 if self._terminal else 10):
            return
        self._told_at = now
        line = f"{rows:,} {_STEPS[step]}, {now - self._begun:.0f} s"
        typer.echo(f"\r{line:<70}" if self._terminal else line, nl=not self._terminal, err=True)

    def end(self) -> None:
        if self._terminal:
            typer.echo(f"\r{'':<70}\r", nl=False, err=True)


def _shown(word: str) -> Callable[[int], None]:
    def tell(count: int) -> None:
        if sys.stderr.isatty():
            typer.echo(f"\r{count:,} {word} ", nl=False, err=True)

    return tell


def _tell(result: "Result", errors: Path | None, *, dry_run: bool) -> None:
    would = "would be " if dry_run or not result.applied else ""
    typer.echo(
        f"{result.rows} rows: {result.new} {would}new, {result.changed} {would}changed, {result.unchanged} as they are,"
        f" {result.wrong} wrong",
        err=True,
    )
    if result.ignored:
        typer.echo(f"columns that are not looked at: {'、'.join(result.ignored)}", err=True)
    if errors is not None and result.flaws:
        import csv

        with errors.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("行", "列", "内容", "问题", "怎样改"))
            writer.writerows((one.line, one.column, one.value, one.message, one.mend) for one in result.flaws)
        typer.echo(f"the wrong rows are in {errors}", err=True)
        return
    for flaw in result.flaws:
        typer.echo(str(flaw), err=True)
    if result.wrong > len({flaw.line for flaw in result.flaws}):
        typer.echo(f"… and more: {result.wrong} rows are wrong in all", err=True)


def _keep_secrets(output: IO[bytes], kind: str, secrets: list[tuple[str, str]]) -> None:
    if not secrets:
        return
    head = "device_id,secret" if kind == "devices" else "username,password"
    output.write("\n".join([head, *(f"{name},{secret}" for name, secret in secrets), ""]).encode())
    output.flush()
    os.fsync(output.fileno())


def _known(kind: str) -> None:
    from services.registry.imports.columns import KINDS

    if kind not in KINDS:
        sys.exit(f"anhu: {kind}: want one of {', '.join(KINDS)}")


def _form(file: Path) -> str:
    form = file.suffix.lower().lstrip(".")
    if form not in ("csv", "xlsx"):
        sys.exit(f"anhu: {file}: the name must end in .csv or .xlsx")
    return form


def _write_template(kind: str, file: Path) -> None:
    from services.registry.imports.columns import KINDS
    from services.registry.imports.forms import template

    form = _form(file)
    with new_file(file) as output:
        output.write(template(KINDS[kind], form))


def new_file(file: Path) -> IO[bytes]:
    try:
        return open(file, "xb", opener=lambda path, flags: os.open(path, flags, 0o600))
    except OSError as error:
        sys.exit(f"anhu: cannot make {file} ({error.strerror}): name a new file")


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        sys.exit(f"anhu: cannot read {file} ({error.strerror})")


def _reachable(database_url: str) -> str:
    """The URL, when its database answers: a migration says it less plainly."""
    import psycopg

    try:
        with psycopg.connect(database_url, connect_timeout=5):
            return database_url
    except psycopg.OperationalError as error:
        sys.exit(f"anhu: the database does not answer: {str(error).strip()}")
