"""The sheet for 120: to whoever may answer the alert, and by a link to whoever they give it to."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Request
from psycopg.rows import dict_row

from alerts.domain.alert import State
from alerts.domain.transitions import STATE_WORDS
from alerts.handover import Sheet, handover_sheet
from services.api.dependencies import Address, AppSettings, DatabaseConnection, DataKeys, SignedIn, id_of
from services.api.problems import ProblemError, not_found, responses
from services.api.responder_schemas import Handover, HandoverLink, HandoverLinks, NewHandoverLink
from services.api.routes.tasks import only_so_often
from services.registry import links, reach
from services.registry.handover_links import (
    handover_links_of,
    make_handover_link,
    open_handover_link,
    revoke_handover_link,
)
from services.registry.looks import record_look, record_look_by_link
from services.registry.reach import Caller
from services.registry.sealing import Keys
from services.registry.telephones import opened, shown
from services.storage.pool import Connection

router = APIRouter(tags=["handover"])

_ALERT = f"SELECT a.id, a.state FROM alerts a WHERE a.id = %(id)s AND {reach.ALERT_A}"


@router.get("/alerts/{alert_id}/handover", responses=responses(401, 403, 404, 410))
async def handover(
    connection: DatabaseConnection, caller: SignedIn, keys: DataKeys, address: Address, alert_id: str
) -> Handover:
    """While the alert is unresolved; the look is recorded. 410: it is closed, and the sheet with it."""
    reached = await _reached(connection, caller, alert_id)
    sheet = _open(await handover_sheet(connection, reached))
    if sheet.elder_id is not None:
        await record_look(connection, caller, "handover", sheet.elder_id, alert_id=reached, address=address)
    return _told(sheet, keys)


@router.post("/alerts/{alert_id}/handover/links", status_code=201, responses=responses(401, 403, 404, 410, 422))
async def new_handover_link(
    connection: DatabaseConnection,
    settings: AppSettings,
    caller: SignedIn,
    alert_id: str,
    wanted: Annotated[NewHandoverLink | None, Body()] = None,
) -> HandoverLink:
    """A link that opens the sheet without signing in, for `minutes` and as long as the alert is unresolved."""
    reached = await _reached(connection, caller, alert_id, unresolved=True)
    lasts = timedelta(minutes=(wanted or NewHandoverLink()).minutes)
    return _link(settings, await make_handover_link(connection, reached, caller.account_id, lasts))


@router.get("/alerts/{alert_id}/handover/links", responses=responses(401, 403, 404))
async def handover_links(
    connection: DatabaseConnection, settings: AppSettings, caller: SignedIn, alert_id: str
) -> HandoverLinks:
    """All that were made, the oldest first."""
    reached = await _reached(connection, caller, alert_id)
    return HandoverLinks(items=[_link(settings, row) for row in await handover_links_of(connection, reached)])


@router.delete("/alerts/{alert_id}/handover/links/{link_id}", status_code=204, responses=responses(401, 403, 404))
async def no_handover_link(connection: DatabaseConnection, caller: SignedIn, alert_id: str, link_id: str) -> None:
    """Takes it back, at once, whoever made it."""
    reached = await _reached(connection, caller, alert_id)
    if not await revoke_handover_link(connection, reached, id_of(link_id)):
        raise not_found()


@router.get("/handovers/{token}", responses=responses(404, 410, 429))
async def handover_by_link(
    request: Request,
    connection: DatabaseConnection,
    settings: AppSettings,
    keys: DataKeys,
    address: Address,
    token: str,
) -> Handover:
    """What is behind a link; each look is recorded under the name of who made it."""
    link_id = only_so_often(request, address, token, links.read(_key(settings), token, links.HANDOVER))
    found = await open_handover_link(connection, link_id)
    if found is None:
        raise ProblemError(410, "这个链接已过期或已撤回，请向养老服务站索取新的链接")
    alert_id, made_by = found
    sheet = _open(await handover_sheet(connection, alert_id))
    if sheet.elder_id is not None:
        await record_look_by_link(
            connection, made_by, "handover_link", sheet.elder_id, alert_id=alert_id, address=address
        )
    return _told(sheet, keys)


def _told(sheet: Sheet, keys: Keys) -> Handover:
    """With all telephone numbers: a crew calls."""
    content = shown(keys, sheet.content, whole=True)
    elder = content["elder"]
    content["elder"] = shown(keys, elder, whole=True) if elder else None
    return Handover.model_validate(content | {"responder_phone": opened(keys, content["responder_phone"])})


def _open(found: Sheet | State | None) -> Sheet:
    match found:
        case None:
            raise not_found()
        case State():
            raise _closed(found)
        case _:
            return found


def _closed(state: State) -> ProblemError:
    return ProblemError(410, f"这条告警{STATE_WORDS[state]}，交接单已收起", state=state.value)


def _key(settings: AppSettings) -> str:
    return settings.secret_key.get_secret_value()


def _link(settings: AppSettings, row: dict[str, Any]) -> HandoverLink:
    return HandoverLink.model_validate(row | {"path": f"/h/{links.sign(_key(settings), row['id'], links.HANDOVER)}"})


async def _reached(connection: Connection, caller: Caller, alert_id: str, *, unresolved: bool = False) -> UUID:
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(_ALERT, caller.parameters | {"id": id_of(alert_id)})).fetchone()
    if row is None:
        raise not_found()
    if unresolved and State(row["state"]) in (State.RESOLVED, State.FOLLOWED_UP, State.CANCELLED):
        raise _closed(State(row["state"]))
    found: UUID = row["id"]
    return found
