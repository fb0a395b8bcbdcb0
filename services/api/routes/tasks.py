"""What somebody near was asked to do, by the link of their notice: no account, no password, no name in the link."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Request
from psycopg.rows import dict_row

from alerts.answer import Asked, answer_task, asked_by, task_of
from alerts.domain.alert import UNRESOLVED, Alert, Position, Refusal, State
from alerts.domain.places import street_of
from alerts.domain.tasks import GOES, Answer, TaskState, allowed_answers
from alerts.domain.tasks import Task as DomainTask
from alerts.ledger import ALERT, alert_of
from alerts.responders import metres_from
from gateway.decoders.datum import wgs84_to_gcj02
from services.api.dependencies import Address, AppSettings, DatabaseConnection, DataKeys
from services.api.problems import ProblemError, not_found, responses
from services.api.rate import Rate
from services.api.responder_schemas import AnswerBody, PositionBody, Task, TaskMaps
from services.registry import links
from services.registry.looks import record_look_by_link
from services.registry.sealing import Keys
from services.registry.telephones import shown
from services.storage.pool import Connection

router = APIRouter(prefix="/tasks/{token}", tags=["tasks"])

#: A page that asks each five seconds, two telephones on one link, and a finger that presses often.
OF_ONE_LINK = Rate(60, 60)
#: Links that we did not make: nobody has one by honest means, but for a letter lost in copying.
OF_ONE_ADDRESS = Rate(20, 60)

_ONE = ALERT + "WHERE a.id = %s"
_AROUND = """
SELECT o.name AS station, o.phone AS station_phone, e.id AS elder_id, e.name, e.gender, e.phone,
       nullif(concat_ws(' ', e.address, e.bed), '') AS address,
       e.entry_notes, extract(year FROM age(e.birth_date))::int AS age, e.lat AS home_lat, e.lon AS home_lon,
       r.lat, r.lon, r.seen_lat, r.seen_lon, r.seen_at, clock_timestamp() AS now,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('name', c.name, 'relation', c.relation, 'phone', c.phone)
                                  ORDER BY c.position), '[]')
        FROM elder_contacts c WHERE c.elder_id = e.id) AS contacts,
       EXISTS (SELECT FROM alert_timeline t WHERE t.alert_id = a.id AND t.kind IN ('shared', 'away')) AS is_away
FROM alerts a JOIN organizations o ON o.id = a.organization_id LEFT JOIN elders e ON e.id = a.elder_id
LEFT JOIN responders r ON r.account_id = %s WHERE a.id = %s
"""
_SEEN = "UPDATE responders SET seen_lat = %s, seen_lon = %s, seen_at = clock_timestamp() WHERE account_id = %s"


def only_so_often(request: Request, address: str, token: str, named: UUID | None) -> UUID:
    """What a link names. Raises a problem: 404 for one that we did not make, 429 when it is asked for too often."""
    again = OF_ONE_ADDRESS.refuses(address) if named is None else OF_ONE_LINK.refuses(token)
    if again is not None:
        raise ProblemError(429, f"操作太频繁，请 {again} 秒后再试", headers={"Retry-After": str(again)})
    if named is None:
        raise ProblemError(404, "这个链接不正确，请从短信或消息里重新打开")
    return named


async def _asked(
    request: Request, connection: DatabaseConnection, settings: AppSettings, address: Address, token: str
) -> Asked:
    notice_id = links.read(settings.secret_key.get_secret_value(), token)
    asked = await asked_by(connection, only_so_often(request, address, token, notice_id), address)
    if asked is None:
        raise ProblemError(410, "这个链接已失效", title="Gone")
    return asked


WhoWasAsked = Annotated[Asked, Depends(_asked)]
_ERRORS = responses(404, 409, 410, 422, 429)


@router.get("", responses=responses(404, 410, 429))
async def task(connection: DatabaseConnection, keys: DataKeys, address: Address, asked: WhoWasAsked) -> Task:
    """What happened, how far and in which street; whose door it is only to who goes. 410 once the alert is closed."""
    return await _shown(connection, asked, address, keys)


@router.post("/accept", responses=_ERRORS)
async def accept(
    connection: DatabaseConnection,
    keys: DataKeys,
    address: Address,
    asked: WhoWasAsked,
    body: Annotated[AnswerBody | None, Body()] = None,
) -> Task:
    """接受: 409 tells who was first. Again it changes nothing."""
    return await _answer(connection, keys, address, asked, Answer.ACCEPT, body)


@router.post("/decline", responses=_ERRORS)
async def decline(
    connection: DatabaseConnection,
    keys: DataKeys,
    address: Address,
    asked: WhoWasAsked,
    body: Annotated[AnswerBody | None, Body()] = None,
) -> Task:
    """去不了, also after having accepted: then the others are asked again, and the screens sound."""
    return await _answer(connection, keys, address, asked, Answer.DECLINE, body)


@router.post("/arrive", responses=_ERRORS)
async def arrive(
    connection: DatabaseConnection,
    keys: DataKeys,
    address: Address,
    asked: WhoWasAsked,
    body: Annotated[AnswerBody | None, Body()] = None,
) -> Task:
    """我到了."""
    return await _answer(connection, keys, address, asked, Answer.ARRIVE, body)


@router.post("/help", responses=_ERRORS)
async def call_for_help(
    connection: DatabaseConnection,
    keys: DataKeys,
    address: Address,
    asked: WhoWasAsked,
    body: Annotated[AnswerBody | None, Body()] = None,
) -> Task:
    """需要支援: the screens sound again, at each call."""
    return await _answer(connection, keys, address, asked, Answer.HELP, body)


@router.post("/done", responses=_ERRORS)
async def done(
    connection: DatabaseConnection,
    keys: DataKeys,
    address: Address,
    asked: WhoWasAsked,
    body: Annotated[AnswerBody | None, Body()] = None,
) -> Task:
    """已处理: the station is told, and closes the alert."""
    return await _answer(connection, keys, address, asked, Answer.DONE, body)


@router.post("/position", status_code=204, responses=responses(404, 410, 422, 429))
async def position(connection: DatabaseConnection, asked: WhoWasAsked, body: PositionBody) -> None:
    """Where I am, which counts for half an hour."""
    await connection.execute(_SEEN, (body.lat, body.lon, asked.who.id))


async def _answer(
    connection: Connection, keys: Keys, address: str, asked: Asked, answer: Answer, body: AnswerBody | None
) -> Task:
    answered = await answer_task(connection, asked, answer, body.note if body else None)
    if isinstance(answered, Refusal):
        status = 409 if answered.state in UNRESOLVED else 410
        raise ProblemError(status, answered.detail, state=answered.state.value)
    return await _shown(connection, asked, address, keys)


async def _shown(connection: Connection, asked: Asked, address: str, keys: Keys) -> Task:
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        row = await (await cursor.execute(_ONE, (asked.alert_id,))).fetchone()
        around = await (await cursor.execute(_AROUND, (asked.who.id, asked.alert_id))).fetchone()
        task = await task_of(connection, asked)
    if row is None or around is None:
        raise not_found()
    alert = alert_of(row)
    if not alert.unresolved:
        raise ProblemError(410, "这次求助已经结束，谢谢您", state=alert.state.value)
    goes = task.state in GOES
    if around["elder_id"] is not None:
        what = "task" if goes else "task_offer"
        await record_look_by_link(
            connection, asked.who.id, what, around["elder_id"], alert_id=alert.id, address=address
        )
    around = shown(keys, around, whole=True)
    return Task.model_validate(_described(alert, task, around, goes) | {"me": asked.who.name})


def _described(alert: Alert, task: DomainTask, around: dict[str, Any], goes: bool) -> dict[str, Any]:
    at = alert.position
    if at is None and around["home_lat"] is not None:
        at = Position(around["home_lat"], around["home_lon"])
    away = bool(around["is_away"])
    taken = task.taken_by is not None and task.state not in GOES
    return {
        "state": "taken" if taken and task.state is TaskState.ASKED else task.state.value,
        "taken_by": task.taken_by,
        "type": alert.type,
        "severity": alert.severity.value,
        "title": alert.title,
        "drill": alert.drill,
        "occurred_at": alert.occurred_at,
        "acknowledged": alert.state is not State.TRIGGERED,
        "street": None if away else street_of(alert.place or around["address"]),
        "away": away,
        "metres": metres_from(around, at, around["now"]),
        "station": around["station"],
        "station_phone": around["station_phone"],
        "elder": _elder(alert, around, at) if goes else None,
        "answers": [answer.value for answer in allowed_answers(alert, task)],
    }


def _elder(alert: Alert, around: dict[str, Any], at: Position | None) -> dict[str, Any]:
    position = None
    if at is not None:
        accuracy = {} if at.accuracy is None else {"accuracy": at.accuracy}
        position = {"lat": at.lat, "lon": at.lon} | accuracy
    told = {name: around[name] for name in ("name", "gender", "age", "phone", "entry_notes", "contacts")}
    return told | {"address": alert.place or around["address"], "position": position, "maps": maps_of(at)}


def maps_of(at: Position | None) -> TaskMaps | None:
    """Of a place, without a word about whose it is."""
    if at is None:
        return None
    lat, lon = wgs84_to_gcj02(at.lat, at.lon)
    way = urlencode({"to": f"{lon:.6f},{lat:.6f},目的地", "mode": "walk", "coordinate": "gaode", "callnative": 1})
    here = f"{at.lat:.6f},{at.lon:.6f}"
    return TaskMaps(geo=f"geo:{here}?q={here}", amap=f"https://uri.amap.com/navigation?{way}")
