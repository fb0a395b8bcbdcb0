"""`anhu rules …`: rules on readings from the command line. Whoever has the database's address may do all of it."""

import asyncio
import json
import sys
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from services.runtime import settings

if TYPE_CHECKING:
    from alerts.domain.rules.model import Rule
    from services.storage.pool import Connection

rules = typer.Typer(help="Try rules on readings before you trust them.", no_args_is_help=True)

#: Of a table that a person reads.
_LINES = 20
_ORGANIZATIONS = """
SELECT id, name FROM organizations
WHERE id::text = %(word)s OR lower(name) = lower(%(word)s) OR division_code = %(word)s
   OR %(word)s::text IS NULL AND parent_id IS NULL
"""
_KEYS = "SELECT DISTINCT key FROM rules ORDER BY key"


@rules.callback()
def _group() -> None:
    """Keeps `backtest` a word of its own while it is the only one."""


@rules.command()
def backtest(
    rule: Annotated[
        str, typer.Argument(metavar="FILE|KEY", help="a definition as JSON; or the key of a rule in force or in shadow")
    ],
    start: Annotated[
        str | None, typer.Option("--from", help="an instant, as 2026-11-22T00:00:00+08:00; by default a day before")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="an instant; now by default")] = None,
    organization: Annotated[
        str | None, typer.Option(help="only its elders and those below it: its id, name or division code")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as the API has it")] = False,
    processes: Annotated[int, typer.Option(min=1, help="that read and play, here and of the server")] = 2,
) -> None:
    """Run a rule over stored history: what it would have raised, beside the rule in force, and which known incidents
    it would have caught. Changes nothing."""
    from psycopg import OperationalError

    from alerts.domain.rules.trying import Period
    from alerts.trials import time_flaws

    now = datetime.now(UTC)
    until = _instant(end, "--to") or now
    since = _instant(start, "--from") or until - timedelta(days=1)
    if time_flaws(since, until, now):
        sys.exit("anhu: --from and --to must be in the past, in this order, and at most 31 days apart")
    url = settings.load().database_url
    try:
        result = asyncio.run(_run(url, _wanted(rule), Period(since, until), organization, processes))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except OperationalError as error:
        sys.exit(f"anhu: the database does not answer: {str(error).strip()}")
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join(_told(result, since, until)))


def _instant(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        sys.exit(f"anhu: {option} {text}: want an instant, as 2026-11-22T00:00:00+08:00")
    return found if found.tzinfo else found.astimezone()


def _wanted(rule: str) -> "Rule | str":
    """A definition that is there as a file, or else a key."""
    from alerts.domain.rules.definition import DefinitionError
    from alerts.trials import tried

    file = Path(rule)
    if not file.is_file():
        return rule
    try:
        definition = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"anhu: {file} cannot be read as JSON: {error}")
    if not isinstance(definition, dict):
        sys.exit(f"anhu: {file} has no definition of a rule: want a JSON object")
    try:
        return tried(definition)
    except DefinitionError as error:
        told = "\n".join(f"  {flaw.where}: {flaw.what}" for flaw in error.flaws)
        sys.exit(f"anhu: {file} is no rule:\n{told}")


async def _run(
    database_url: str, rule: "Rule | str", period: Any, organization: str | None, processes: int
) -> dict[str, Any]:
    from psycopg import AsyncConnection

    from alerts.backtest import Trial
    from alerts.backtest import backtest as run
    from alerts.trial_names import named

    async with await AsyncConnection.connect(
        database_url, autocommit=True, connect_timeout=5, application_name="anhu-administration"
    ) as connection:
        organizations = await _organizations(connection, organization)
        if isinstance(rule, str):
            keys = [key for (key,) in await (await connection.execute(_KEYS)).fetchall()]
            if rule not in keys:
                sys.exit(f"anhu: {rule} is neither a file nor the key of a rule; keys are: {', '.join(keys)}")
        trial = Trial(rule, organizations, period)
        work = run(database_url, trial, processes=processes, server_processes=processes, tell=_progress)
        result = await _shown(work)
        return await named(connection, result)


async def _organizations(connection: "Connection", word: str | None) -> list[UUID]:
    found = await (await connection.execute(_ORGANIZATIONS, {"word": word})).fetchall()
    if not found:
        sys.exit(f"anhu: there is no organisation {word}")
    if word is not None and len(found) > 1:
        sys.exit(f"anhu: {len(found)} organisations are called {word}: give the id")
    return [organization_id for organization_id, _ in found]


async def _shown(work: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    try:
        return await work
    finally:
        if sys.stderr.isatty():
            typer.echo("\r      \r", nl=False, err=True)


def _progress(share: float) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{share:4.0%} ", nl=False, err=True)


def _told(result: dict[str, Any], since: datetime, until: datetime) -> list[str]:
    """For a person: a plain table."""
    tried, force, incidents = result["tried"], result["in_force"], result["incidents"]
    rows = [("", "tried", "in force")]
    rows += [(name, str(tried[key]), str(force[key])) for name, key in (("alerts", "alerts"), ("elders", "elders"))]
    rows.append(("alerts a day", f"{tried['per_day']:g}", f"{force['per_day']:g}"))
    rows += [
        (severity, str(count), str(force["by_severity"][severity]))
        for severity, count in tried["by_severity"].items()
        if count or force["by_severity"][severity]
    ]
    caught = f"{incidents['caught']} of {incidents['known']}"
    rows.append(("incidents caught", caught, str(incidents["caught_in_force"])))
    lines = [
        f"{_local(since)} to {_local(until)}: {result['elders']} elders, {result['readings']} readings,"
        f" {result['seconds']} s",
        "",
        *(f"{name:<18}{one:>12}{other:>12}" for name, one, other in rows),
    ]
    missed = [one for one in incidents["items"] if not one["tried"]]
    if missed:
        lines += ["", "Incidents missed, newest first:"]
        lines += [f"  {_local(one['at'])}  {one['type']}  {one['elder']['name']}" for one in missed[:_LINES]]
        lines += _rest(len(missed))
    if result["episodes"]:
        lines += ["", "Alerts of the tried rule, newest first (* also in force):"]
        lines += [
            f"{'*' if one['also_in_force'] else ' '} {_local(one['raised_at'])}  {one['severity']:<6}"
            f"  {one['elder']['name']}  {one['sentence']}"
            for one in result["episodes"][:_LINES]
        ]
        lines += _rest(tried["alerts"])
    return lines


def _rest(count: int) -> list[str]:
    return [f"  and {count - _LINES} more"] if count > _LINES else []


def _local(at: datetime | str) -> str:
    instant = datetime.fromisoformat(at) if isinstance(at, str) else at
    return instant.astimezone().strftime("%Y-%m-%d %H:%M")
