"""Files of people, places and devices, for administrators: checked first, then taken in."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from gateway.decoders.datum import gcj02_to_wgs84
from services.api.dependencies import Address, DatabaseConnection, DataKeys, SignedIn
from services.api.problems import responses
from services.api.record_schemas import ImportKind, ImportResult
from services.registry.imports.columns import KINDS
from services.registry.imports.forms import template
from services.registry.names import Actor
from services.registry.take_in_file import take_in_file

router = APIRouter(prefix="/imports", tags=["imports"])

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_FORM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {}, _XLSX: {}}, "description": "the form, with one invented line as an example"}
}


def _administrator(caller: SignedIn, address: Address) -> Actor:
    return Actor(caller.name, address, caller)


Administrator = Annotated[Actor, Depends(_administrator)]


@router.post("/{kind}", responses=responses(401, 403, 404, 413, 422), openapi_extra=_FILE)
async def import_file(
    connection: DatabaseConnection,
    actor: Administrator,
    keys: DataKeys,
    request: Request,
    kind: ImportKind,
    mode: Annotated[
        Literal["check", "all", "skip"],
        Query(description="check: change nothing; all: every row or none; skip: the rows that are right"),
    ] = "check",
) -> ImportResult:
    """CSV or XLSX as it is, of 10 MB at most; its form is told by its content. Safe to do again: whoever is there
    already is changed where the file says otherwise, and an empty cell changes nothing."""
    data = await request.body()
    done = await take_in_file(connection, actor, keys, kind, data, mode, from_map=gcj02_to_wgs84)
    return ImportResult(
        **{name: getattr(done, name) for name in ("kind", "rows", "new", "changed", "unchanged", "wrong", "applied")},
        flaws=[asdict(flaw) for flaw in done.flaws],
        ignored_columns=list(done.ignored),
        secrets=[{"name": name, "secret": secret} for name, secret in done.secrets],
    )


@router.get("/{kind}/template", response_class=Response, responses=_FORM | responses(401, 403, 422))
async def empty_form(
    _actor: Administrator, kind: ImportKind, form: Annotated[Literal["csv", "xlsx"], Query()] = "xlsx"
) -> Response:
    """An empty form, with the names of all columns."""
    data = await asyncio.to_thread(template, KINDS[kind], form)
    return Response(data, media_type="text/csv" if form == "csv" else _XLSX)
