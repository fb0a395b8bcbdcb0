"""Cameras bound to rooms: which there are, for administrators, and the look through one, for an unresolved alert."""

from uuid import UUID

from fastapi import APIRouter

from services.api.camera_schemas import CameraLink, CameraList, NewCamera, NewRoomCamera
from services.api.dependencies import Acting, Address, DatabaseConnection, DataKeys, SignedIn, id_of
from services.api.problems import not_found, responses
from services.api.routes.records import told
from services.api.rows import one_of
from services.registry import reach
from services.registry.cameras import Bound, bind_camera, cameras_for, cameras_of, open_camera, remove_camera
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(tags=["cameras"])

_HOME = f"SELECT o.id FROM organizations o WHERE o.tier = 'care_home' AND {reach.ORGANIZATION_O}"
_ELDER = f"SELECT p.id FROM elders p WHERE p.erased_at IS NULL AND {reach.ELDER_P}"
_ALERT = f"SELECT a.id FROM alerts a WHERE {reach.ALERT_A}"


@router.get("/organizations/{organization_id}/cameras", responses=responses(401, 403, 404))
async def cameras_of_home(connection: DatabaseConnection, caller: SignedIn, organization_id: str) -> CameraList:
    """Of a care home, by building and room; no links."""
    return await _list(connection, await _home(connection, caller, organization_id))


@router.post("/organizations/{organization_id}/cameras", status_code=201, responses=responses(401, 403, 404, 409, 422))
async def new_camera_of_home(
    connection: DatabaseConnection,
    caller: SignedIn,
    acting: Acting,
    keys: DataKeys,
    organization_id: str,
    new: NewRoomCamera,
) -> CameraList:
    """In a room that has beds: it opens for alerts of whoever has one of them."""
    home = await _home(connection, caller, organization_id)
    with told():
        await bind_camera(connection, acting, keys, home, new.building, new.room, new.name, new.link)
    return await _list(connection, home)


@router.delete("/organizations/{organization_id}/cameras/{camera_id}", responses=responses(401, 403, 404))
async def no_camera_of_home(
    connection: DatabaseConnection, caller: SignedIn, acting: Acting, organization_id: str, camera_id: str
) -> CameraList:
    home = await _home(connection, caller, organization_id)
    if not await remove_camera(connection, acting, home, id_of(camera_id)):
        raise not_found()
    return await _list(connection, home)


@router.get("/elders/{elder_id}/cameras", responses=responses(401, 403, 404))
async def cameras_of_elder(connection: DatabaseConnection, caller: SignedIn, elder_id: str) -> CameraList:
    """In their own home; no links."""
    return await _list(connection, await _elder(connection, caller, elder_id))


@router.post("/elders/{elder_id}/cameras", status_code=201, responses=responses(401, 403, 404, 409, 422))
async def new_camera_of_elder(
    connection: DatabaseConnection,
    caller: SignedIn,
    acting: Acting,
    keys: DataKeys,
    elder_id: str,
    new: NewCamera,
) -> CameraList:
    """It opens for their alerts alone."""
    elder = await _elder(connection, caller, elder_id)
    with told():
        await bind_camera(connection, acting, keys, elder, None, new.room, new.name, new.link)
    return await _list(connection, elder)


@router.delete("/elders/{elder_id}/cameras/{camera_id}", responses=responses(401, 403, 404))
async def no_camera_of_elder(
    connection: DatabaseConnection, caller: SignedIn, acting: Acting, elder_id: str, camera_id: str
) -> CameraList:
    elder = await _elder(connection, caller, elder_id)
    if not await remove_camera(connection, acting, elder, id_of(camera_id)):
        raise not_found()
    return await _list(connection, elder)


@router.get("/alerts/{alert_id}/cameras", responses=responses(401, 403, 404))
async def cameras_of_alert(connection: DatabaseConnection, caller: SignedIn, alert_id: str) -> CameraList:
    """Those that would open now: none when it is closed, or a drill; no links."""
    reached = await _alert(connection, caller, alert_id)
    return CameraList.model_validate({"items": await cameras_for(connection, caller, reached)})


@router.post("/alerts/{alert_id}/cameras/{camera_id}", responses=responses(401, 403, 404, 409))
async def look(
    connection: DatabaseConnection,
    caller: SignedIn,
    keys: DataKeys,
    address: Address,
    alert_id: str,
    camera_id: str,
) -> CameraLink:
    """查看摄像头: the link, while the alert is unresolved; the look is recorded, and the elder's family can see it."""
    reached = await _alert(connection, caller, alert_id)
    with told():
        link = await open_camera(connection, caller, keys, reached, id_of(camera_id), address)
    if link is None:
        raise not_found()
    return CameraLink(link=link)


async def _home(connection: Connection, caller: Caller, organization_id: str) -> Bound:
    return Bound(organization_id=(await one_of(connection, caller, _HOME, "o.id", id_of(organization_id)))["id"])


async def _elder(connection: Connection, caller: Caller, elder_id: str) -> Bound:
    return Bound(elder_id=(await one_of(connection, caller, _ELDER, "p.id", id_of(elder_id)))["id"])


async def _alert(connection: Connection, caller: Caller, alert_id: str) -> UUID:
    reached: UUID = (await one_of(connection, caller, _ALERT, "a.id", id_of(alert_id)))["id"]
    return reached


async def _list(connection: Connection, bound: Bound) -> CameraList:
    return CameraList.model_validate({"items": await cameras_of(connection, bound)})
