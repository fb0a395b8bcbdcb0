"""Enrolment of devices, for administrators: new devices, new secrets, revocation."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from services.api.dependencies import Acting, DatabaseConnection
from services.api.problems import ProblemError, not_found, responses
from services.api.schemas import Binding, DeviceSecret, Import, NewDevice
from services.registry.bind_device import bind_device
from services.registry.enrol import enrol
from services.registry.enrolment import Enrolment, Flaw, read_csv, secrets_csv
from services.registry.names import NotPossibleError, UnknownNameError
from services.registry.revoke import revoke
from services.registry.rotate import restore, rotate

router = APIRouter(tags=["enrolment"])

_MOST_TOLD = 200  # flaws in one answer


def _told(flaw: Flaw) -> dict[str, Any]:
    return {name: value for name, value in asdict(flaw).items() if name != "taken"}


def _refusal(status: int, flaws: Sequence[Flaw]) -> ProblemError:
    return ProblemError(
        status, flaws[0].message, title=str(flaws[0]), flaws=[_told(flaw) for flaw in flaws[:_MOST_TOLD]]
    )


@router.post("/devices", status_code=201, responses=responses(401, 403, 409, 422))
async def enrol_device(connection: DatabaseConnection, actor: Acting, new: NewDevice) -> DeviceSecret:
    """Enrols one device. Its secret is told in this answer, and never again. 409: the name or the hardware is taken."""
    wanted = Enrolment(
        new.device_id,
        new.kind,
        new.model or None,
        str(new.organization_id) if new.organization_id else None,
        new.elder_id,
        new.source or None,
        new.hardware_id or None,
    )
    done = await enrol(connection, actor, [wanted])
    if done.flaws:
        raise _refusal(409 if all(flaw.taken for flaw in done.flaws) else 422, done.flaws)
    [(device_id, secret)] = done.secrets
    return DeviceSecret(device_id=device_id, secret=secret)


_SECRETS_AS_CSV: dict[str, Any] = {"content": {"text/csv": {"schema": {"type": "string"}}}}
_CSV_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "device_id,kind,organization,elder_id\nwb-0100,wristband,500111001003,\n",
            }
        },
    }
}


@router.post(
    "/devices/import",
    status_code=201,
    response_model=Import,
    responses={201: _SECRETS_AS_CSV, **responses(401, 403, 413, 422)},
    openapi_extra=_CSV_BODY,
)
async def import_devices(
    connection: DatabaseConnection,
    actor: Acting,
    request: Request,
    partial: Annotated[bool, Query(description="enrol the good lines, and leave out the others")] = False,
) -> Response:
    """Enrols every device of a CSV, or none where a line is wrong. The first line names the columns: device_id, kind,
    model, organization_id or organization (its name or division code), elder_id, source, hardware_id. Asked for
    `text/csv`, the answer is `device_id,secret`."""
    wanted, flaws = await asyncio.to_thread(read_csv, await request.body())  # off the event loop: it may be long
    done = await enrol(connection, actor, wanted, partial=partial, flaws=flaws)
    if not done.secrets:
        nothing = Flaw(0, "file", "", "no line with a device", "文件里没有设备")
        raise _refusal(422, done.flaws or [nothing])
    if request.headers.get("accept", "").startswith("text/csv"):
        return Response(secrets_csv(done.secrets), 201, media_type="text/csv")
    answer = Import.model_validate(
        {
            "secrets": [{"device_id": device_id, "secret": secret} for device_id, secret in done.secrets],
            "flaws": [_told(flaw) for flaw in done.flaws],
        }
    )
    return JSONResponse(answer.model_dump(mode="json"), 201)


@router.post("/devices/{device_id}/rotate", responses=responses(401, 403, 404, 409))
async def rotate_secret(connection: DatabaseConnection, actor: Acting, device_id: str) -> DeviceSecret:
    """A new secret, told in this answer and never again. The old one ends within seconds, and with it the device's
    connection, until it is given the new one."""
    try:
        return DeviceSecret(device_id=device_id, secret=await rotate(connection, actor, device_id))
    except UnknownNameError:
        raise not_found() from None
    except NotPossibleError as error:
        raise ProblemError(409, error.message, title=str(error)) from None


@router.put("/devices/{device_id}/binding", status_code=204, responses=responses(401, 403, 404, 409, 422))
async def bind(connection: DatabaseConnection, actor: Acting, device_id: str, binding: Binding) -> None:
    """Gives a device to an elder, and with that to the elder's organisation; or takes it back (`elder_id` null)."""
    try:
        await bind_device(connection, actor, device_id, binding.elder_id, binding.organization_id)
    except UnknownNameError:
        raise not_found() from None
    except NotPossibleError as error:
        raise ProblemError(409, error.message, title=str(error)) from None


@router.post("/devices/{device_id}/revoke", status_code=204, responses=responses(401, 403, 404))
async def revoke_device(connection: DatabaseConnection, actor: Acting, device_id: str) -> None:
    """Shuts a device out: cut off within seconds, and refused from then on. Again is no error."""
    try:
        await revoke(connection, actor, device_id)
    except UnknownNameError:
        raise not_found() from None


@router.post("/devices/{device_id}/restore", responses=responses(401, 403, 404, 409))
async def restore_device(connection: DatabaseConnection, actor: Acting, device_id: str) -> DeviceSecret:
    """Takes a revocation back, with a new secret, told in this answer and never again."""
    try:
        return DeviceSecret(device_id=device_id, secret=await restore(connection, actor, device_id))
    except UnknownNameError:
        raise not_found() from None
    except NotPossibleError as error:
        raise ProblemError(409, error.message, title=str(error)) from None
