"""Where organisations are, and from how far on somebody is away from home: for administrators."""

from fastapi import APIRouter

from services.api.dependencies import DatabaseConnection, SignedIn, id_of
from services.api.problems import responses
from services.api.responder_schemas import OrganizationPlace, PlacedOrganization
from services.api.routes.responders import wgs84
from services.api.rows import one_of
from services.registry import reach
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(prefix="/organizations/{organization_id}/place", tags=["registry"])

_PLACE = f"SELECT o.id, o.name, o.lat, o.lon, o.away_metres FROM organizations o WHERE {reach.ORGANIZATION_O}"
_SET = "UPDATE organizations SET lat = %s, lon = %s, away_metres = %s WHERE id = %s"


@router.get("", responses=responses(401, 404))
async def place(connection: DatabaseConnection, caller: SignedIn, organization_id: str) -> PlacedOrganization:
    return await _place(connection, caller, organization_id)


@router.put("", responses=responses(401, 403, 404, 422))
async def set_place(
    connection: DatabaseConnection, caller: SignedIn, organization_id: str, said: OrganizationPlace
) -> PlacedOrganization:
    """What is left out is not known any more."""
    before = await _place(connection, caller, organization_id)
    await connection.execute(_SET, (*wgs84(said.position), said.away_metres, before.id))
    return await _place(connection, caller, organization_id)


async def _place(connection: Connection, caller: Caller, organization_id: str) -> PlacedOrganization:
    row = await one_of(connection, caller, _PLACE, "o.id", id_of(organization_id))
    position = {"lat": row["lat"], "lon": row["lon"]} if row["lat"] is not None else None
    return PlacedOrganization.model_validate(row | {"position": position})
