"""HL7 FHIR R4: Patient, Device and Observation, out and in."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import psycopg
from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse
from psycopg.rows import dict_row

from gateway.decoders.native import decode_readings
from gateway.limits import Limits
from gateway.message import Message
from gateway.telemetry_lane import TelemetryLane
from services.api import paging
from services.api.dependencies import (
    Address,
    AppSettings,
    DatabaseConnection,
    DataKeys,
    SignedIn,
    id_of,
)
from services.api.fhir import (
    FHIR_TYPE,
    NotUnderstoodError,
    bundle,
    device_of,
    device_reference,
    elder_of,
    instant,
    new_device_of,
    observations_of,
    patient_of,
    reading_of,
)
from services.api.problems import ProblemError, not_found, responses
from services.api.routes.records import told
from services.api.rows import one_of, page_of
from services.registry import reach
from services.registry.access import Action, Thing, may
from services.registry.enrol import enrol
from services.registry.enrolment import Enrolment
from services.registry.looks import record_look, record_looks
from services.registry.names import Actor
from services.registry.reach import Caller
from services.registry.save_elder import save_elder
from services.registry.sealing import Keys
from services.registry.telephones import shown
from services.storage.pool import Connection

router = APIRouter(prefix="/fhir", tags=["fhir"])

_PATIENT = f"""
SELECT p.id, p.organization_id, p.name, p.phone, p.gender, p.birth_date,
       CASE WHEN p.bed IS NULL THEN p.address ELSE concat_ws(' ', p.address, p.bed) END AS address,
       (SELECT jsonb_agg(jsonb_build_object('name', c.name, 'relation', c.relation, 'phone', c.phone)
                         ORDER BY c.position) FROM elder_contacts c WHERE c.elder_id = p.id) AS contacts
FROM elders p WHERE {reach.ELDER_P}
"""
_DEVICE = f"""
SELECT d.device_id, d.kind, d.model, d.organization_id, d.elder_id, d.revoked_at FROM devices d WHERE {reach.DEVICE_D}
"""
_READINGS = """
SELECT d.device_id, r.* FROM devices d JOIN readings r ON r.device_key = d.key
WHERE d.elder_id = %(elder)s AND r.ts >= %(since)s AND r.ts < %(until)s
  AND (r.heart_rate IS NOT NULL OR r.respiratory_rate IS NOT NULL OR r.spo2 IS NOT NULL OR r.steps IS NOT NULL
       OR r.body_temperature IS NOT NULL OR r.systolic IS NOT NULL OR r.diastolic IS NOT NULL)
ORDER BY r.ts DESC, d.device_id, r.seq LIMIT %(limit)s
"""
_JSON: dict[int | str, dict[str, Any]] = {
    200: {"content": {FHIR_TYPE: {"schema": {"type": "object"}}}, "description": "FHIR R4"}
}
_MADE: dict[int | str, dict[str, Any]] = {
    201: {"content": {FHIR_TYPE: {"schema": {"type": "object"}}}, "description": "FHIR R4"}
}
Count = Annotated[int, Query(alias="_count", ge=1, le=500, description="how many at most")]
Resource = Annotated[dict[str, Any], Body(description="FHIR R4, as JSON")]
#: A search by date goes back so far when it does not say.
_BACK = timedelta(days=1)


class FhirResponse(JSONResponse):
    media_type = FHIR_TYPE


@router.get("/metadata", response_class=FhirResponse, responses=_JSON | responses(401))
async def capability(_caller: SignedIn, settings: AppSettings) -> FhirResponse:
    """What can be asked: a CapabilityStatement."""
    searches = {"Patient": ["_cursor"], "Device": ["patient", "_cursor"], "Observation": ["patient", "date"]}
    resources = [
        {
            "type": kind,
            "interaction": [
                {"code": code} for code in (*(["read"] if kind != "Observation" else []), "search-type", "create")
            ],
            "searchParam": [
                {"name": name, "type": {"date": "date", "patient": "reference"}.get(name, "string")} for name in names
            ],
        }
        for kind, names in searches.items()
    ]
    return FhirResponse(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": "2026-12-01",
            "kind": "instance",
            "software": {"name": "Anhu"},
            "implementation": {"description": "Anhu (安护)", "url": _base(settings)},
            "fhirVersion": "4.0.1",
            "format": ["json"],
            "rest": [{"mode": "server", "resource": resources}],
        }
    )


@router.get("/Patient", response_class=FhirResponse, responses=_JSON | responses(401, 403, 422))
async def patients(
    connection: DatabaseConnection,
    caller: SignedIn,
    settings: AppSettings,
    keys: DataKeys,
    address: Address,
    count: Count = 50,
    cursor: Annotated[str | None, Query(alias="_cursor")] = None,
) -> FhirResponse:
    """Elders within reach; `next` is in the bundle's links. Telephone numbers are for administrators, and that they
    were read is kept."""
    after = paging.decode(cursor, UUID)
    rows = await page_of(connection, caller, _PATIENT, "p.id", after and after[0], count)
    items, following = paging.page(rows, count, "id")
    return _searched(settings, "Patient", await _told(connection, caller, keys, address, items), count, {}, following)


@router.get("/Patient/{elder_id}", response_class=FhirResponse, responses=_JSON | responses(401, 403, 404))
async def patient(
    connection: DatabaseConnection, caller: SignedIn, keys: DataKeys, address: Address, elder_id: str
) -> FhirResponse:
    row = await one_of(connection, caller, _PATIENT, "p.id", id_of(elder_id))
    return FhirResponse((await _told(connection, caller, keys, address, [row]))[0])


async def _told(
    connection: Connection, caller: Caller, keys: Keys, address: str, rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """As resources. Another system keeps what it gets: a masked number would be taken for a number."""
    whole = may(caller.role, Thing.PERSON, Action.READ)
    rung = [row["id"] for row in rows if row["phone"] or row["contacts"]]
    if whole and rung:
        await record_looks(connection, caller, "phones", rung, alert_id=None, address=address)
    return [
        patient_of(shown(keys, row, whole=True) if whole else row | {"phone": None, "contacts": None}) for row in rows
    ]


@router.post(
    "/Patient", status_code=201, response_class=FhirResponse, responses=_MADE | responses(401, 403, 404, 409, 422)
)
async def new_patient(
    connection: DatabaseConnection, caller: SignedIn, keys: DataKeys, address: Address, resource: Resource
) -> FhirResponse:
    """A new elder, by an administrator: with the same checks as everywhere."""
    said = _understood(elder_of, resource)
    with told():
        elder_id = await save_elder(connection, Actor(caller.name, address, caller), keys, said)
    row = await one_of(connection, caller, _PATIENT, "p.id", elder_id)
    return FhirResponse(patient_of(shown(keys, row, whole=True)), 201, {"location": f"/api/v1/fhir/Patient/{elder_id}"})


@router.get("/Device", response_class=FhirResponse, responses=_JSON | responses(401, 403, 404, 422))
async def devices(
    connection: DatabaseConnection,
    caller: SignedIn,
    settings: AppSettings,
    patient: Annotated[str | None, Query(max_length=200, description="an elder's, as Patient/{id} or {id}")] = None,
    count: Count = 50,
    cursor: Annotated[str | None, Query(alias="_cursor")] = None,
) -> FhirResponse:
    after = paging.decode(cursor, str)
    values = {"elder": _elder(patient) if patient else None}
    statement = f"{_DEVICE} AND (%(elder)s::uuid IS NULL OR d.elder_id = %(elder)s)"
    rows = await page_of(connection, caller, statement, "d.device_id", after and after[0], count, values=values)
    items, following = paging.page(rows, count, "device_id")
    asked = {"patient": patient} if patient else {}
    return _searched(settings, "Device", [device_of(row) for row in items], count, asked, following)


@router.get("/Device/{device_id}", response_class=FhirResponse, responses=_JSON | responses(401, 403, 404))
async def device(connection: DatabaseConnection, caller: SignedIn, device_id: str) -> FhirResponse:
    row = await one_of(connection, caller, _DEVICE, "d.device_id", device_id.replace("\x00", "�"))
    return FhirResponse(device_of(row))


@router.post(
    "/Device", status_code=201, response_class=FhirResponse, responses=_MADE | responses(401, 403, 404, 409, 422)
)
async def new_device(
    connection: DatabaseConnection, caller: SignedIn, address: Address, resource: Resource
) -> FhirResponse:
    """Enrols a device, by an administrator. Its secret is in the header `X-Device-Secret`, this once."""
    new = _understood(new_device_of, resource)
    wanted = Enrolment(new.device_id, new.kind, new.model, new.organization, new.elder_id)
    done = await enrol(connection, Actor(caller.name, address, caller), [wanted])
    if done.flaws:
        status = 409 if all(flaw.taken for flaw in done.flaws) else 422
        raise ProblemError(status, done.flaws[0].message, title=str(done.flaws[0]))
    [(device_id, secret)] = done.secrets
    row = await one_of(connection, caller, _DEVICE, "d.device_id", device_id)
    headers = {"location": f"/api/v1/fhir/Device/{device_reference(device_id)}", "x-device-secret": secret}
    return FhirResponse(device_of(row), 201, headers)


@router.get("/Observation", response_class=FhirResponse, responses=_JSON | responses(401, 403, 404, 422))
async def observations(
    connection: DatabaseConnection,
    caller: SignedIn,
    settings: AppSettings,
    address: Address,
    patient: Annotated[str, Query(max_length=200, description="an elder's, as Patient/{id} or {id}")],
    date: Annotated[
        list[str] | None, Query(max_length=2, description="ge… and lt… with instants; a day back when absent")
    ] = None,
    count: Count = 100,
) -> FhirResponse:
    """The newest first; each look is recorded. `_count` counts readings, of which each may be several observations."""
    elder = await one_of(connection, caller, _PATIENT, "p.id", _elder(patient))
    since, until = _between(date or [])
    values = {"elder": elder["id"], "since": since, "until": until, "limit": count + 1}
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_READINGS, values)).fetchall()
    await record_look(connection, caller, "fhir", elder["id"], alert_id=None, address=address)
    found = [one for row in rows[:count] for one in observations_of(row, row["device_id"], elder["id"])]
    asked: dict[str, Any] = {"patient": patient, "date": [f"ge{since.isoformat()}", f"lt{until.isoformat()}"]}
    base = _base(settings)
    own = f"{base}/Observation?{urlencode(asked | {'_count': count}, doseq=True)}"
    following = None
    if len(rows) > count:
        # Of readings of one instant none is lost: the next page begins with that instant again.
        before = rows[count - 1]["ts"] + timedelta(microseconds=1)
        narrowed = asked | {"date": [asked["date"][0], f"lt{before.isoformat()}"], "_count": count}
        following = f"{base}/Observation?{urlencode(narrowed, doseq=True)}"
    return FhirResponse(bundle(found, base, following, own))


@router.post(
    "/Observation",
    status_code=201,
    response_class=FhirResponse,
    responses=_MADE | responses(401, 403, 404, 422),
)
async def new_observation(
    connection: DatabaseConnection, caller: SignedIn, settings: AppSettings, resource: Resource
) -> FhirResponse:
    """A measurement of an enrolled device, as if the device had said it: stored, shown, and looked at by the rules. By
    operators and administrators; the same again is stored once."""
    device_id, reading = _understood(reading_of, resource)
    row = await one_of(connection, caller, _DEVICE, "d.device_id", device_id.replace("\x00", "�"))
    if row["revoked_at"] is not None or row["elder_id"] is None:
        raise not_found()
    payload = json.dumps(reading).encode()
    received_at = datetime.now(UTC)
    decoded, flaws = decode_readings(payload, received_at)
    if flaws or not decoded:
        raise ProblemError(422, "观测值不符合要求", title=flaws[0].detail if flaws else "nothing to store")
    await asyncio.to_thread(_store, settings.database_url, row["device_id"], payload, received_at)
    stored = dict.fromkeys(_FIELDS) | dict(reading) | {"ts": decoded[0][0], "seq": 0, "received_at": received_at}
    made = next(observations_of(stored, row["device_id"], row["elder_id"]))
    return FhirResponse(made, 201)


_FIELDS = ("heart_rate", "respiratory_rate", "spo2", "body_temperature", "steps", "systolic", "diastolic")


class _Nowhere:
    """Nobody waits for an acknowledgement: the answer is one."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        pass


def _store(database_url: str, device_id: str, payload: bytes, received_at: datetime) -> None:
    """By the lane that stores what devices say: with its marks for the rules, its repeats and its roll-ups."""
    limits = Limits(database_url)
    lane = TelemetryLane(database_url, limits=limits)
    with psycopg.connect(database_url, autocommit=True) as connection:
        lane.prepare(connection)
        limits.load(connection)
        message = Message(f"anhu/v1/{device_id}/up/readings", payload, received_at, _Nowhere(), 0, 0)
        lane.store(connection, [message])


def _understood(read: Any, resource: dict[str, Any]) -> Any:
    # PostgreSQL holds no such character, in whatever field it stands.
    if "\\u0000" in json.dumps(resource):
        raise ProblemError(422, "内容含有无效字符", title="a NUL character cannot be stored")
    try:
        return read(resource)
    except NotUnderstoodError as error:
        raise ProblemError(422, error.message, title=str(error)) from None


def _elder(patient: str) -> UUID:
    return id_of(patient.rsplit("/", 1)[-1])


def _between(dates: list[str]) -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    until = now + timedelta(minutes=5)
    since: datetime | None = None
    for one in dates:
        try:
            at = instant(one[2:].replace(" ", "+"))
        except ValueError:
            raise ProblemError(422, "date 无效：请用 ge、lt 加带时区的时间", title="Invalid date") from None
        if one[:2] in ("ge", "gt"):
            since = at
        elif one[:2] in ("lt", "le"):
            until = at
        else:
            raise ProblemError(422, "date 无效：请用 ge、lt 加带时区的时间", title="Invalid date")
    first = datetime(2019, 1, 1, tzinfo=UTC)
    if not first < until < now + timedelta(days=365) or (since is not None and since < first):
        raise ProblemError(422, "date 无效：时间超出范围", title="Invalid date")
    return since or until - _BACK, until


def _base(settings: Any) -> str:
    return f"{settings.public_address}/api/v1/fhir"


def _searched(
    settings: Any, kind: str, found: list[dict[str, Any]], count: int, asked: dict[str, Any], following: str | None
) -> FhirResponse:
    base = _base(settings)
    own = f"{base}/{kind}?{urlencode(asked | {'_count': count})}"
    after = f"{base}/{kind}?{urlencode(asked | {'_count': count, '_cursor': following})}" if following else None
    return FhirResponse(bundle(found, base, after, own))
