"""Models of devices: what each measures and says, how often, by which decoder."""

from typing import Annotated

from fastapi import APIRouter, Path
from psycopg.rows import dict_row

from services.api.dependencies import Acting, DatabaseConnection, SignedIn
from services.api.model_schemas import ModelList, WantedModel
from services.api.problems import ProblemError, not_found, responses
from services.registry import reach
from services.registry.device_models import SameWordError, remove_model, save_model
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(prefix="/device-models", tags=["devices"])

Name = Annotated[str, Path(min_length=1, max_length=64, description="as devices are enrolled with")]

_MODELS = f"""
SELECT m.*, (SELECT count(*) FROM devices d
             WHERE lower(d.model) = lower(m.model) AND d.revoked_at IS NULL AND {reach.DEVICE_D}) AS devices
FROM device_models m ORDER BY m.model
"""


@router.get("", responses=responses(401, 403))
async def device_models(connection: DatabaseConnection, caller: SignedIn) -> ModelList:
    """All that are known; a device may be of a model of which nothing is."""
    return await _all(connection, caller)


@router.put("/{model}", responses=responses(401, 403, 409, 422))
async def set_model(
    connection: DatabaseConnection, caller: SignedIn, actor: Acting, model: Name, wanted: WantedModel
) -> ModelList:
    """It holds for all devices of the model, so for administrators of the root alone."""
    await _only_at_the_root(connection, caller)
    if model != model.strip() or not model.isprintable() or model in (".", "..") or "/" in model or "\ufffd" in model:
        raise ProblemError(422, "型号应为 1–64 个可见字符，前后没有空格，不含 /")
    try:
        await save_model(connection, actor, wanted.model_dump() | {"model": model})
    except SameWordError as error:
        raise ProblemError(409, f"已有型号“{error.model}”，只是大小写不同，请直接修改它") from None
    return await _all(connection, caller)


@router.delete("/{model}", responses=responses(401, 403, 404, 422))
async def no_model(connection: DatabaseConnection, caller: SignedIn, actor: Acting, model: Name) -> ModelList:
    """Its devices keep the word, and are expected to do as their kind does."""
    await _only_at_the_root(connection, caller)
    if not await remove_model(connection, actor, model.replace("\x00", "�")):
        raise not_found()
    return await _all(connection, caller)


async def _all(connection: Connection, caller: Caller) -> ModelList:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_MODELS, caller.parameters)
        return ModelList.model_validate({"items": await cursor.fetchall()})


async def _only_at_the_root(connection: Connection, caller: Caller) -> None:
    if await (await connection.execute(f"SELECT WHERE {reach.AT_THE_ROOT}", caller.parameters)).fetchone() is None:
        raise ProblemError(403, "设备型号对全部机构生效，只有最上级机构的管理员可以修改")
