"""People who sign in, for administrators."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from psycopg.rows import dict_row

from services.api import paging
from services.api.dependencies import Acting, AppSettings, DatabaseConnection, SignedIn, id_of
from services.api.problems import not_found, responses
from services.api.record_schemas import Account, AccountPage, AccountSecret, ChangedAccount, WantedAccount
from services.api.routes.records import told
from services.registry.reach import Caller
from services.registry.save_account import ACCOUNT_A, change_account, make_account, new_password_of
from services.runtime.settings import Settings
from services.storage.pool import Connection

router = APIRouter(prefix="/accounts", tags=["accounts"])

_ACCOUNT = f"""
SELECT a.id, a.username, a.name, a.role, a.disabled_at, a.created_at,
       array(SELECT organization_id FROM account_organizations WHERE account_id = a.id) AS organization_ids,
       array(SELECT elder_id FROM account_elders WHERE account_id = a.id) AS elder_ids,
       (SELECT max(refreshed_at) FROM sessions WHERE account_id = a.id AND revoked_at IS NULL) AS last_seen_at,
       (SELECT subject FROM account_subjects WHERE account_id = a.id AND issuer = %(issuer)s) AS oidc_subject
FROM accounts a WHERE {ACCOUNT_A}
"""
_SEARCH = (
    " AND (%(search)s::text IS NULL OR strpos(a.name, %(search)s) > 0 OR strpos(a.username, lower(%(search)s)) > 0)"
)


@router.get("", responses=responses(401, 403, 422))
async def accounts(
    connection: DatabaseConnection,
    settings: AppSettings,
    caller: SignedIn,
    _actor: Acting,
    search: Annotated[str | None, Query(max_length=64, pattern=r"^[^\x00]*$")] = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> AccountPage:
    """Those whose organisations and elders are all within the caller's reach, by user name."""
    after = paging.decode(cursor, str)
    statement = _ACCOUNT + _SEARCH + (" AND a.username > %(after)s" if after else "")
    values: dict[str, Any] = {"search": search, "after": after and after[0], "limit": limit + 1}
    values["issuer"] = settings.oidc_issuer
    async with connection.cursor(row_factory=dict_row) as rows:
        await rows.execute(f"{statement} ORDER BY a.username LIMIT %(limit)s", caller.parameters | values)
        items, following = paging.page(await rows.fetchall(), limit, "username")
    return AccountPage.model_validate({"items": items, "next": following})


@router.post("", status_code=201, responses=responses(401, 403, 409, 422))
async def new_account(connection: DatabaseConnection, actor: Acting, wanted: WantedAccount) -> AccountSecret:
    """The password is told in this answer, and never again."""
    with told():
        account_id, password = await make_account(connection, actor, wanted.model_dump())
    return AccountSecret(id=account_id, username=wanted.username, password=password)


@router.patch("/{account_id}", responses=responses(401, 403, 404, 409, 422))
async def changed_account(
    connection: DatabaseConnection,
    settings: AppSettings,
    caller: SignedIn,
    actor: Acting,
    account_id: str,
    wanted: ChangedAccount,
) -> Account:
    """Changes what is said. Who is disabled is signed out at once."""
    said = {name: value for name, value in wanted.model_dump(exclude_unset=True).items() if value is not None}
    with told():
        await change_account(connection, actor, id_of(account_id), said)
    return await _one(connection, settings, caller, id_of(account_id))


@router.post("/{account_id}/password", responses=responses(401, 403, 404))
async def new_password(
    connection: DatabaseConnection, settings: AppSettings, caller: SignedIn, actor: Acting, account_id: str
) -> AccountSecret:
    """A new password, told in this answer and never again. Who was signed in is signed out."""
    one = await _one(connection, settings, caller, id_of(account_id))
    with told():
        password = await new_password_of(connection, actor, one.id)
    return AccountSecret(id=one.id, username=one.username, password=password)


async def _one(connection: Connection, settings: Settings, caller: Caller, account_id: UUID) -> Account:
    values = caller.parameters | {"id": account_id, "issuer": settings.oidc_issuer}
    async with connection.cursor(row_factory=dict_row) as rows:
        await rows.execute(f"{_ACCOUNT} AND a.id = %(id)s", values)
        row = await rows.fetchone()
    if row is None:
        raise not_found()
    return Account.model_validate(row)
