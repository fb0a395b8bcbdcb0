"""`anhu ledger`: whether every press of a period is accounted for."""

import asyncio
import json
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer

from services.runtime import settings


def ledger(
    first: Annotated[str | None, typer.Option("--from", help="first day of Beijing, as 2026-11-22; a week ago")] = None,
    last: Annotated[str | None, typer.Option("--to", help="last day, included; today")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the whole of it")] = False,
) -> None:
    """Reconcile presses: pressed, stored, raised, seen, answered; gaps and resets of devices that number their events.

    Ends with 1 when a press is unaccounted for.
    """
    from psycopg import OperationalError

    from alerts.domain.response import BEIJING

    today = (datetime.now(UTC) + BEIJING).date()
    end = _day(last, "--to") or today
    begin = _day(first, "--from") or end - timedelta(days=6)
    if begin > end:
        sys.exit("anhu: --from is after --to")
    try:
        made = asyncio.run(_reconcile(settings.load().database_url, begin, end))
    except OperationalError as error:
        sys.exit(f"anhu: the database does not answer: {str(error).strip()}")
    if as_json:
        typer.echo(json.dumps(made, ensure_ascii=False, indent=2, default=_json))
    else:
        typer.echo("\n".join(_told(made, begin, end)))
    if made["unaccounted"]:
        raise typer.Exit(1)


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        sys.exit(f"anhu: {option} {text}: want a day, as 2026-11-22")


async def _reconcile(database_url: str, begin: date, end: date) -> dict[str, Any]:
    from psycopg import AsyncConnection

    from alerts.press_ledger import reconcile
    from alerts.response_report import beijing_midnight

    async with await AsyncConnection.connect(
        database_url, autocommit=True, connect_timeout=5, application_name="anhu-administration"
    ) as connection:
        return await reconcile(connection, beijing_midnight(begin), beijing_midnight(end + timedelta(days=1)))


def _json(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _told(made: dict[str, Any], begin: date, end: date) -> list[str]:
    """For a person: a plain table."""
    stages = made["stages"]
    lines = [
        f"{begin} to {end}, days of Beijing",
        "",
        *(f"{name:<10}{stages[name]:>8}" for name in ("pressed", "stored", "raised", "seen", "answered")),
        "",
        f"cancelled by the elder {stages['cancelled']}, still open {stages['open']}, on their way {stages['waiting']},"
        f" told again {stages['repeats']} times, of drills {stages['drills']}",
        f"{made['counted_devices']} devices number their events: {len(made['gaps'])} gaps, {len(made['resets'])}"
        f" resets, {made['missing']} numbers unexplained",
    ]
    lines += [
        f"  gap    {one['device_id']}  {one['first']} to {one['last']}, {one['explained']} explained"
        for one in made["gaps"]
    ]
    lines += [f"  reset  {one['device_id']}  {one['last']} then {one['first']}" for one in made["resets"]]
    lines += [
        f"  not raised  event {one['event']} of {one['device_id']}: {one['error'] or 'no error is known'}"
        for one in made["not_raised"]
    ]
    count = made["unaccounted"]
    return [*lines, "", "nothing unaccounted for" if count == 0 else f"UNACCOUNTED FOR: {count}"]
