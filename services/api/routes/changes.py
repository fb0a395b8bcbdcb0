"""What was changed of organisations, elders, devices and accounts: who, when, what before and after."""

from typing import Literal

from fastapi import APIRouter, Query
from psycopg.rows import dict_row

from services.api import paging
from services.api.dependencies import DatabaseConnection, SignedIn, only_administrators
from services.api.problems import responses
from services.api.record_schemas import ChangePage
from services.registry import reach
from services.registry.save_account import ACCOUNT_A

router = APIRouter(tags=["changes"])

# Of what is gone nobody below the root may ask: whose it was is not known any more.
_AT_THE_ROOT = (
    "EXISTS (SELECT FROM organizations r WHERE r.parent_id IS NULL AND r.id = ANY(%(reach_organizations)s::uuid[]))"
)
_THERE = {
    "organization": "SELECT FROM organizations x WHERE x.id = c.subject_id::uuid",
    "elder": "SELECT FROM elders x WHERE x.id = c.subject_id::uuid",
    "device": "SELECT FROM devices x WHERE x.device_id = c.subject_id",
    "account": "SELECT FROM accounts x WHERE x.id = c.subject_id::uuid",
}
_WITHIN = {
    "organization": f"EXISTS (SELECT FROM organizations o WHERE o.id = c.subject_id::uuid AND {reach.ORGANIZATION_O})",
    "elder": f"EXISTS (SELECT FROM elders p WHERE p.id = c.subject_id::uuid AND {reach.ELDER_P})",
    "device": f"EXISTS (SELECT FROM devices d WHERE d.device_id = c.subject_id AND {reach.DEVICE_D})",
    "account": f"EXISTS (SELECT FROM accounts a WHERE a.id = c.subject_id::uuid AND {ACCOUNT_A})",
}


@router.get("/changes", responses=responses(401, 403, 422))
async def changes(
    connection: DatabaseConnection,
    caller: SignedIn,
    subject: Literal["organization", "elder", "device", "account"],
    subject_id: str | None = Query(default=None, max_length=64, pattern=r"^[^\x00]*$"),
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> ChangePage:
    """Of one kind, or of one of them; newest first. For administrators, of what they reach."""
    only_administrators(caller, "只有管理员可以查看变更记录")
    after = paging.decode(cursor, int)
    gone = f"NOT EXISTS ({_THERE[subject]}) AND {_AT_THE_ROOT}"
    statement = f"SELECT c.* FROM changes c WHERE c.subject = %(subject)s AND ({_WITHIN[subject]} OR {gone})"
    if subject_id is not None:
        statement += " AND c.subject_id = %(subject_id)s"
    if after:
        statement += " AND c.id < %(after)s"
    values = {"subject": subject, "subject_id": subject_id, "after": after and after[0], "limit": limit + 1}
    async with connection.cursor(row_factory=dict_row) as rows:
        await rows.execute(f"{statement} ORDER BY c.id DESC LIMIT %(limit)s", caller.parameters | values)
        items, following = paging.page(await rows.fetchall(), limit, "id")
    return ChangePage.model_validate({"items": items, "next": following})
