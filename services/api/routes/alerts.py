"""Alerts: the list, one with all that happened, and the moves."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Query
from psycopg.rows import dict_row

from alerts.ask import ask_responders
from alerts.call_list import ToCall, call_list
from alerts.domain.alert import UNRESOLVED, Actor, Refusal
from alerts.domain.alert import Alert as DomainAlert
from alerts.domain.conditions import AREA
from alerts.domain.false_alarms import OVER, Whose
from alerts.domain.intake import LATE_FROM_SECONDS
from alerts.domain.transitions import Acknowledge, Arrive, Dispatch, FollowUp, Move, Resolve
from alerts.false_alarms import Learned, learned_of
from alerts.ledger import ALERT, alert_of
from alerts.move import move_alert
from alerts.presentation import alert_json
from alerts.responders import asked_of, could_go
from services.api import paging
from services.api.dependencies import Address, DatabaseConnection, DataKeys, SignedIn, id_of
from services.api.gate import refuse_unless
from services.api.problems import ProblemError, not_found, responses
from services.api.schemas import (
    AcknowledgeBody,
    Alert,
    AlertDetail,
    AlertPage,
    ArriveBody,
    AskBody,
    DispatchBody,
    FollowUpBody,
    NearResponders,
    ResolveBody,
    SeverityName,
    StateName,
)
from services.registry import reach
from services.registry.access import Action, Thing
from services.registry.looks import record_look, record_looks
from services.registry.reach import Caller
from services.registry.responders import name_of
from services.registry.sealing import Keys
from services.registry.telephones import shown
from services.storage.pool import Connection

router = APIRouter(prefix="/alerts", tags=["alerts"])

_ONE = ALERT + f"WHERE a.id = %(id)s AND {reach.ALERT_A}"
_TIMELINE = """
SELECT at, kind, account_id, actor, origin, note, body, version FROM alert_timeline WHERE alert_id = %s ORDER BY id
"""
_EVENTS = """
SELECT e.*, (SELECT jsonb_build_object('stage', t.stage, 'at', t.at) FROM device_told t WHERE t.event = e.id
             ORDER BY array_position(ARRAY['stored', 'raised', 'seen', 'acknowledged', 'dispatched', 'arrived',
                                           'resolved', 'cancelled'], t.stage) DESC LIMIT 1) AS told
FROM alert_events ae JOIN events e ON e.id = ae.event WHERE ae.alert_id = %s ORDER BY e.id
"""
_ROUTES = """
SELECT r.organization_id, o.name, r.reason, r.since FROM alert_routes r
JOIN organizations o ON o.id = r.organization_id WHERE r.alert_id = %s ORDER BY r.since, cardinality(o.path) DESC
"""


@router.get("", responses=responses(401, 422))
async def list_alerts(
    connection: DatabaseConnection,
    caller: SignedIn,
    state: Annotated[
        list[StateName | Literal["open"]] | None, Query(description="may repeat; `open` is every unresolved")
    ] = None,
    severity: Annotated[list[SeverityName] | None, Query(description="may repeat")] = None,
    organization_id: Annotated[UUID | None, Query(description="on whose screens the alert is or was")] = None,
    elder_id: UUID | None = None,
    device_id: Annotated[str | None, Query(max_length=200)] = None,
    event_id: Annotated[str | None, Query(max_length=200, description="of any event folded into the alert")] = None,
    since: Annotated[str | None, Query(description="raised at or after, RFC 3339 with an offset")] = None,
    moved_since: Annotated[
        str | None, Query(description="whose last move was at or after, RFC 3339 with an offset")
    ] = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> AlertPage:
    """Newest `raised_at` first."""
    conditions = [reach.ALERT_A]
    values: dict[str, Any] = caller.parameters | {"limit": limit + 1}
    if state:
        states = {name for name in state if name != "open"}
        if "open" in state:
            states |= {one.value for one in UNRESOLVED}
        conditions.append("a.state = ANY(%(states)s)")
        values["states"] = sorted(states)
    if severity:
        conditions.append("a.severity = ANY(%(severities)s)")
        values["severities"] = list(severity)
    if organization_id is not None:
        conditions.append(
            "EXISTS (SELECT FROM alert_routes o WHERE o.alert_id = a.id AND o.organization_id = %(organization_id)s)"
        )
        values["organization_id"] = organization_id
    if elder_id is not None:
        conditions.append("a.elder_id = %(elder_id)s")
        values["elder_id"] = elder_id
    if device_id is not None:
        conditions.append(
            "a.id IN (SELECT ae.alert_id FROM alert_events ae JOIN events e ON e.id = ae.event"
            " WHERE e.device_id = %(device_id)s"
            " UNION ALL SELECT id FROM alerts WHERE device_id = %(device_id)s AND rule_id IS NOT NULL"
            " UNION ALL SELECT id FROM alerts WHERE device_id = %(device_id)s AND detail IS NOT NULL)"
        )
        values["device_id"] = _storable(device_id)
    if event_id is not None:
        conditions.append(
            "a.id IN (SELECT ae.alert_id FROM alert_events ae JOIN events e ON e.id = ae.event"
            " WHERE e.event_id = %(event_id)s"
            " UNION ALL SELECT id FROM alerts WHERE event_id = %(event_id)s AND rule_id IS NOT NULL"
            " UNION ALL SELECT id FROM alerts WHERE event_id = %(event_id)s AND detail IS NOT NULL)"
        )
        values["event_id"] = _storable(event_id)
    if since is not None:
        conditions.append("a.raised_at >= %(since)s")
        values["since"] = _time(since)
    if moved_since is not None:
        conditions.append("a.last_move_at >= %(moved_since)s")
        values["moved_since"] = _time(moved_since, "moved_since")
    after = paging.decode(cursor, datetime.fromisoformat, UUID)
    if after is not None:
        conditions.append("(a.raised_at, a.id) < (%(after_at)s, %(after_id)s)")
        values["after_at"], values["after_id"] = after
    statement = f"{ALERT} WHERE {' AND '.join(conditions)} ORDER BY a.raised_at DESC, a.id DESC LIMIT %(limit)s"
    async with connection.cursor(row_factory=dict_row) as rows:
        await rows.execute(statement, values)
        found, following = paging.page(await rows.fetchall(), limit, "raised_at", "id")
    return AlertPage.model_validate({"items": [_shown(alert_of(row), caller) for row in found], "next": following})


@router.get("/{alert_id}", responses=responses(401, 404))
async def one_alert(
    connection: DatabaseConnection, caller: SignedIn, address: Address, keys: DataKeys, alert_id: str
) -> AlertDetail:
    """With its timeline, its events, the organisations whose screens show it, and whom to call in a lost area."""
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        # One moment for all: a change between two looks would show a state that its own timeline contradicts.
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        alert = await _reached(connection, caller, alert_id)
        timeline = await (await cursor.execute(_TIMELINE, (alert.id,))).fetchall()
        events = await (await cursor.execute(_EVENTS, (alert.id,))).fetchall()
        routes = await (await cursor.execute(_ROUTES, (alert.id,))).fetchall()
        is_area = alert.type == AREA and alert.unresolved
        to_call = await call_list(connection, alert.id, caller) if is_area else None
        responders = await asked_of(connection, alert.id)
        learned = await learned_of(connection, alert)
    if not caller.may_move_alerts:  # a neighbour's number is the station's to know
        responders = [one | {"phone": None} for one in responders]
    responders = [shown(keys, one, whole=alert.unresolved) for one in responders]
    if to_call:
        listed = [one.row["id"] for one in to_call]
        await record_looks(connection, caller, "call_list", listed, alert_id=alert.id, address=address)
    if alert.unresolved and alert.elder is not None:
        await record_look(connection, caller, "alert", alert.elder.id, alert_id=alert.id, address=address)
    elder_id = alert.elder.id if alert.elder else None
    closed = not alert.unresolved
    unmeasured, unplaced = closed or not caller.may_measure(elder_id), closed or not caller.may_locate(elder_id)
    return AlertDetail.model_validate(
        _shown(alert, caller)
        | {
            "timeline": [_entry(row, withheld=unmeasured) for row in timeline],
            "events": [_event(row, unmeasured=unmeasured, unplaced=unplaced) for row in events],
            "routes": routes,
            "responders": responders,
            "false_alarms": [_learned(one) for one in learned],
            "call_list": [_to_call(one, keys) for one in to_call] if to_call is not None else None,
        }
    )


def _learned(one: Learned) -> dict[str, Any]:
    return {
        "whose": one.whose.value,
        "name": one.name if one.whose is Whose.MODEL else None,
        "days": OVER.days,
        "closed": one.own.closed,
        "mistaken": one.own.mistaken,
        "rate": one.rate,
        "sentence": one.sentence,
    }


@router.post("/{alert_id}/acknowledge", responses=responses(401, 403, 404, 409, 422))
async def acknowledge(
    connection: DatabaseConnection,
    caller: SignedIn,
    address: Address,
    alert_id: str,
    body: Annotated[AcknowledgeBody | None, Body()] = None,
) -> Alert:
    """接警: it is mine. 409 tells who has it already."""
    body = body or AcknowledgeBody()
    return await _move(connection, caller, address, alert_id, Acknowledge(body.note, body.occurrences, body.version))


@router.post("/{alert_id}/dispatch", responses=responses(401, 403, 404, 409, 422))
async def dispatch(
    connection: DatabaseConnection, caller: SignedIn, address: Address, alert_id: str, body: DispatchBody
) -> Alert:
    """派员: somebody is on the way; again for another responder."""
    responder = await name_of(connection, caller, body.responder)
    return await _move(connection, caller, address, alert_id, Dispatch(responder, body.eta_minutes, body.note))


@router.post("/{alert_id}/arrive", responses=responses(401, 403, 404, 409, 422))
async def arrive(
    connection: DatabaseConnection,
    caller: SignedIn,
    address: Address,
    alert_id: str,
    body: Annotated[ArriveBody | None, Body()] = None,
) -> Alert:
    """到场: somebody is at the elder's side."""
    return await _move(connection, caller, address, alert_id, Arrive((body or ArriveBody()).note))


@router.post("/{alert_id}/resolve", responses=responses(401, 403, 404, 409, 422))
async def resolve(
    connection: DatabaseConnection, caller: SignedIn, address: Address, alert_id: str, body: ResolveBody
) -> Alert:
    """处置完毕, with an outcome."""
    return await _move(connection, caller, address, alert_id, Resolve(body.outcome, body.note))


@router.post("/{alert_id}/follow_up", responses=responses(401, 403, 404, 409, 422))
async def follow_up(
    connection: DatabaseConnection, caller: SignedIn, address: Address, alert_id: str, body: FollowUpBody
) -> Alert:
    """回访: how the elder is since."""
    return await _move(connection, caller, address, alert_id, FollowUp(body.note))


@router.post("/{alert_id}/ask", responses=responses(401, 403, 404, 409, 422))
async def ask(
    connection: DatabaseConnection,
    caller: SignedIn,
    address: Address,
    alert_id: str,
    body: Annotated[AskBody | None, Body()] = None,
) -> Alert:
    """就近求助: the nearest who can go are asked at once, beside those who were asked already. Who they are is in
    `responders` of the alert. The same wish again within 10 s asks nobody more."""
    body = body or AskBody()
    reached = await _reached(connection, caller, alert_id)
    refuse_unless(caller, Thing.ALERTS, Action.MOVE)
    actor = Actor(caller.account_id, caller.name, address)
    asked = await ask_responders(connection, reached.id, actor, body.limit, body.skills)
    if asked is None:
        raise not_found()
    if isinstance(asked, Refusal):
        raise ProblemError(409, asked.detail, state=asked.state.value)
    return Alert.model_validate(alert_json(asked.alert))


@router.get("/{alert_id}/responders", responses=responses(401, 403, 404))
async def could_be_sent(
    connection: DatabaseConnection,
    caller: SignedIn,
    alert_id: str,
    limit: Annotated[int, Query(ge=1, le=20)] = 5,
) -> NearResponders:
    """For whoever dispatches: who said yes, the nearest who are able now, asked or not, and last who said no."""
    reached = await _reached(connection, caller, alert_id)
    if not caller.may_move_alerts:
        raise ProblemError(403, "您可以查看这条告警，但不能派人前往")
    found = await could_go(connection, reached.id, limit) if reached.unresolved else []
    return NearResponders.model_validate({"items": found})


async def _move(connection: Connection, caller: Caller, address: str, alert_id: str, move: Move) -> Alert:
    reached = await _reached(connection, caller, alert_id)
    refuse_unless(caller, Thing.ALERTS, Action.MOVE)
    moved = await move_alert(connection, reached.id, move, Actor(caller.account_id, caller.name, address))
    if moved is None:
        raise not_found()
    if isinstance(moved, Refusal):
        holder = {"id": str(moved.holder.id), "name": moved.holder.name} if moved.holder else None
        raise ProblemError(409, moved.detail, holder=holder, state=moved.state.value)
    return Alert.model_validate(alert_json(moved))


async def _reached(connection: Connection, caller: Caller, alert_id: str) -> DomainAlert:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_ONE, caller.parameters | {"id": id_of(alert_id)})
        row = await cursor.fetchone()
    if row is None:
        raise not_found()
    return alert_of(row)


def _shown(alert: DomainAlert, caller: Caller) -> dict[str, Any]:
    """As the contract has it, for a caregiver without what the elder keeps to themselves."""
    told = alert_json(alert)
    elder_id = alert.elder.id if alert.elder else None
    if not caller.may_locate(elder_id):
        told |= {"location": None, "place": None}
    if not caller.may_measure(elder_id) and told["rule"]:
        told |= {"rule": told["rule"] | {"sentence": None, "evidence": None}}
    return told


def _to_call(one: ToCall, keys: Keys) -> dict[str, Any]:
    row = shown(keys, one.row, whole=True)
    return {
        "elder": {"id": row["id"], "name": row["name"]},
        "phone": row["phone"],
        "address": row["address"],
        "contacts": row["contacts"],
        "risk": one.points,
        "reasons": list(one.reasons),
        "silent_since": row["since"],
        "restored": row["restored"],
        "devices": row["devices"],
    }


def _entry(row: dict[str, Any], *, withheld: bool) -> dict[str, Any]:
    by = {"id": row["account_id"], "name": row["actor"]} if row["account_id"] else None
    body = row["body"]
    if withheld and row["kind"] == "second_opinion":  # what was felt is what the device said, in other words
        body = None
    elif withheld and body and "sentence" in body:  # what a rule saw
        body = body | {"sentence": None}
    return row | {"by": by, "body": body}


def _event(row: dict[str, Any], *, unmeasured: bool, unplaced: bool) -> dict[str, Any]:
    late = int((row["received_at"] - row["occurred_at"]).total_seconds())
    location = None
    if row["lat"] is not None and not unplaced:
        location = {"lat": row["lat"], "lon": row["lon"], "accuracy": row["accuracy"]}
    return row | {
        "late_seconds": late if late >= LATE_FROM_SECONDS else 0,
        "cancelled": row["cancelled_at"] is not None,
        "location": location,
        "detail": None if unmeasured else row["detail"],
        # A flaw's detail quotes what the device said.
        "flaws": [flaw | {"detail": None} for flaw in row["flaws"]] if unmeasured else row["flaws"],
    }


def _time(text: str, name: str = "since") -> datetime:
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))  # a plus that was not escaped arrives as a space
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ProblemError(422, f"{name} 必须是带时区的 RFC 3339 时间，而不是 {text[:50]}", title=f"Invalid {name}")
    return at


def _storable(text: str) -> str:
    return text.replace("\x00", "�")
