"""`anhu person …`, `anhu audit …`: a person's data, and whether the trails hold."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from services.administration import with_database
from services.runtime import settings
from services.setting_up import keys_of, new_file

if TYPE_CHECKING:
    from services.registry.names import Actor
    from services.storage.pool import Connection

person = typer.Typer(help="Take out, or erase, all that is kept of a person.", no_args_is_help=True)
audit = typer.Typer(help="Who looked at what and who changed what: whether it was tampered with.", no_args_is_help=True)

_ELDER = Annotated[UUID, typer.Argument(metavar="ELDER_ID")]


@person.command("export")
def export(
    elder_id: _ELDER,
    file: Annotated[Path, typer.Argument(help="a new file, for its owner only; .json, or .html to be read")],
) -> None:
    """Write everything that is kept about an elder. That it was done is kept among the changes."""
    from services.registry.personal_data import as_json, as_page, personal_data
    from services.registry.sealing import KeysError

    form = file.suffix.lower()
    if form not in (".json", ".html"):
        sys.exit(f"anhu person export: {file}: the name must end in .json or .html")
    keys = keys_of(settings.load())

    async def work(connection: "Connection", actor: "Actor") -> dict[str, Any]:
        return await personal_data(connection, actor, keys, elder_id)

    try:
        found = with_database(work)
    except KeysError as error:
        sys.exit(f"anhu person export: {error}")
    with new_file(file) as output:
        output.write((as_page(found) if form == ".html" else as_json(found)).encode())
    typer.echo(f"{sum(map(len, found.values()))} rows of {len(found)} kinds are in {file}", err=True)


@person.command("erase")
def erase(
    elder_id: _ELDER,
    reason: Annotated[str, typer.Option(help="kept; name nobody in it")],
    yes: Annotated[bool, typer.Option("--yes", help="do it: nothing brings it back")] = False,
) -> None:
    """Erase a person: alerts, their times and statistics stay, without them. Refused while an alert is unresolved."""
    from services.registry.erase_person import erase_person

    if not yes:
        sys.exit("anhu person erase: nothing brings it back; give --yes when that is meant")
    with_database(lambda connection, actor: erase_person(connection, actor, elder_id, reason))
    typer.echo(f"nothing is kept of {elder_id} but what alerts and statistics need", err=True)


@audit.command("verify")
def verify(
    known: Annotated[str, typer.Option(help="the head of the chain at an earlier time, kept elsewhere")] = "",
) -> None:
    """Read both trails and their seals; say where they do not hold. Ends with 1 then. Prints JSON."""
    import psycopg

    from services.registry.trails import verify_trails

    loaded = settings.load()
    try:
        with psycopg.connect(loaded.database_url, autocommit=True, connect_timeout=5) as connection:
            found = verify_trails(connection, keys_of(loaded), known)
    except psycopg.OperationalError as error:
        sys.exit(f"anhu audit verify: the database does not answer: {str(error).strip()}")
    typer.echo(
        json.dumps(
            {
                "holds": not found.breaks,
                "seals": found.seals,
                "rows": found.rows,
                "dropped_by_retention": found.gone,
                "sealed_by_keys_not_here": found.unknown_keys,
                "not_sealed_yet": found.unsealed,
                "sealed_at": found.newest.isoformat() if found.newest else None,
                "head": found.head,
                "breaks": [str(one) for one in found.breaks],
            },
            indent=1,
        )
    )
    if found.breaks:
        raise typer.Exit(1)
