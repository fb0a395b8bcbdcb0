"""One action on several elders, devices or accounts at once, for administrators: on all of them or on none."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import APIRouter

from services.api.dependencies import Acting, DatabaseConnection, DataKeys
from services.api.problems import ProblemError, responses
from services.api.several_schemas import DevicesDone, Done, SeveralAccounts, SeveralDevices, SeveralElders
from services.registry import several

router = APIRouter(tags=["records"])

_ERRORS = responses(401, 403, 404, 409, 422)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except several.SeveralError as error:
        first, count = error.failures[0], len(error.failures)
        # Of what is not reached nobody learns that it is there.
        status = 409 if any(one.found for one in error.failures) else 404
        detail = f"{first.id}：{first.message}" if count == 1 else f"有 {count} 项不能处理，都没有改动"
        failed = [{"id": one.id, "message": one.message} for one in error.failures]
        raise ProblemError(status, detail, title=str(error), failed=failed) from None


@router.post("/elders/bulk", responses=_ERRORS)
async def several_elders(connection: DatabaseConnection, actor: Acting, keys: DataKeys, wanted: SeveralElders) -> Done:
    """Each as `PATCH /elders/{id}` does it. 409 and 404 say in `failed` which cannot be changed and why; then none
    was."""
    with _told():
        if wanted.action == "move":
            assert wanted.organization_id is not None
            done = await several.move_elders(connection, actor, keys, wanted.ids, wanted.organization_id)
        else:
            on = wanted.action == "add_category"
            category = wanted.care_category or ""
            done = await several.mark_elders(connection, actor, keys, wanted.ids, category, on=on)
    return Done(done=done)


@router.post("/devices/bulk", responses=_ERRORS)
async def several_devices(connection: DatabaseConnection, actor: Acting, wanted: SeveralDevices) -> DevicesDone:
    """Each as its own route does it. After `rotate` old secrets end within seconds. `failed` as of elders."""
    secrets: list[tuple[str, str]] = []
    with _told():
        match wanted.action:
            case "unbind":
                done = await several.unbind_devices(connection, actor, wanted.ids)
            case "move":
                assert wanted.organization_id is not None
                done = await several.move_devices(connection, actor, wanted.ids, wanted.organization_id)
            case "rotate":
                secrets = await several.rotate_devices(connection, actor, wanted.ids)
                done = len(secrets)
            case "revoke":
                done = await several.revoke_devices(connection, actor, wanted.ids)
    told = [{"device_id": device_id, "secret": secret} for device_id, secret in secrets]
    return DevicesDone.model_validate({"done": done, "secrets": told})


@router.post("/accounts/bulk", responses=_ERRORS)
async def several_accounts(connection: DatabaseConnection, actor: Acting, wanted: SeveralAccounts) -> Done:
    """Who is disabled is signed out at once. Nobody does it to themselves. `failed` as of elders."""
    with _told():
        if wanted.action == "end_sessions":
            return Done(done=await several.end_sessions_of(connection, actor, wanted.ids))
        disabled = wanted.action == "disable"
        return Done(done=await several.disable_accounts(connection, actor, wanted.ids, disabled=disabled))
