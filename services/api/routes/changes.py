"""What was changed of organisations, elders, devices, accounts, models and webhooks: who, when, what before and after;
and who gave or took which device's secret."""

from typing import Any, Literal

from fastapi import APIRouter, Query
from psycopg.rows import dict_row

from services.api import paging
from services.api.dependencies import DatabaseConnection, DataKeys, SignedIn
from services.api.problems import not_found, responses
from services.api.record_schemas import ChangePage, DeviceId, IdentityPage
from services.registry import reach
from services.registry.save_account import ACCOUNT_A
from services.registry.telephones import FIELDS, masked, opened

router = APIRouter(tags=["changes"])

# Of what is gone nobody below the root may ask: whose it was is not known any more.
_THERE = {
    "organization": "SELECT FROM organizations x WHERE x.id = c.subject_id::uuid",
    "elder": "SELECT FROM elders x WHERE x.id = c.subject_id::uuid",
    "device": "SELECT FROM devices x WHERE x.device_id = c.subject_id",
    "account": "SELECT FROM accounts x WHERE x.id = c.subject_id::uuid",
    "model": "SELECT FROM device_models x WHERE x.model = c.subject_id",
    "webhook": "SELECT FROM webhooks x WHERE x.id = c.subject_id::uuid",
}
_WITHIN = {
    "organization": f"EXISTS (SELECT FROM organizations o WHERE o.id = c.subject_id::uuid AND {reach.ORGANIZATION_O})",
    "elder": f"EXISTS (SELECT FROM elders p WHERE p.id = c.subject_id::uuid AND {reach.BELONGS.format('p')})",
    "device": f"EXISTS (SELECT FROM devices d WHERE d.device_id = c.subject_id AND {reach.BELONGS.format('d')})",
    "account": f"EXISTS (SELECT FROM accounts a WHERE a.id = c.subject_id::uuid AND {ACCOUNT_A})",
    "model": "EXISTS (SELECT FROM device_models x WHERE x.model = c.subject_id)",
    "webhook": f"EXISTS (SELECT FROM webhooks w WHERE w.id = c.subject_id::uuid AND {reach.BELONGS.format('w')})",
}

# What is of a device that is gone is the root's to see, as its changes are.
_MAY_READ = f"""
SELECT EXISTS (SELECT FROM devices d WHERE d.device_id = %(device_id)s AND {reach.BELONGS.format("d")})
    OR {reach.AT_THE_ROOT} AND NOT EXISTS (SELECT FROM devices WHERE device_id = %(device_id)s)
       AND EXISTS (SELECT FROM identity_log WHERE kind = 'device' AND subject = %(device_id)s)
"""
_IDENTITY = """
SELECT id, at, what, actor, account_id, address FROM identity_log
WHERE kind = 'device' AND subject = %(device_id)s AND (%(after)s::bigint IS NULL OR id < %(after)s)
ORDER BY id DESC LIMIT %(limit)s
"""

_HEALTH = frozenset(
    (
        *("lat", "lon", "address", "entry_notes", "health_notes", "conditions", "medicines", "allergies"),
        *("ability_level", "long_term_care_grade", "care_categories", "living_situation", "spo2_scale_2", "birth_date"),
        *("level", "score", "form"),
    )
)


@router.get("/changes", responses=responses(401, 403, 422))
async def changes(
    connection: DatabaseConnection,
    caller: SignedIn,
    keys: DataKeys,
    subject: Literal["organization", "elder", "device", "account", "model", "webhook"],
    subject_id: str | None = Query(default=None, max_length=64, pattern=r"^[^\x00]*$"),
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> ChangePage:
    """Of one kind, or of one of them; newest first. For administrators and auditors, of what they
    reach; telephone numbers are masked, and auditors see of health and places that it changed, not what."""
    after = paging.decode(cursor, int)
    gone = f"NOT EXISTS ({_THERE[subject]}) AND {reach.AT_THE_ROOT}"
    statement = f"SELECT c.* FROM changes c WHERE c.subject = %(subject)s AND ({_WITHIN[subject]} OR {gone})"
    if subject_id is not None:
        statement += " AND c.subject_id = %(subject_id)s"
    if after:
        statement += " AND c.id < %(after)s"
    values = {"subject": subject, "subject_id": subject_id, "after": after and after[0], "limit": limit + 1}
    async with connection.cursor(row_factory=dict_row) as rows:
        await rows.execute(f"{statement} ORDER BY c.id DESC LIMIT %(limit)s", caller.parameters | values)
        items, following = paging.page(await rows.fetchall(), limit, "id")
    auditor = caller.role == "auditor"
    shown = [
        row | {side: _shown(row[side], keys, auditor=auditor) for side in ("before", "after") if row[side]}
        for row in items
    ]
    return ChangePage.model_validate({"items": shown, "next": following})


@router.get("/devices/{device_id}/identity", responses=responses(401, 403, 404, 422))
async def identity(
    connection: DatabaseConnection,
    caller: SignedIn,
    device_id: DeviceId,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> IdentityPage:
    """Each enrolment, new secret, revocation and restoration of a device, and who did it; newest first. For
    administrators and auditors, of devices that they reach. A secret itself is nowhere."""
    after = paging.decode(cursor, int)
    values = {"device_id": device_id, "after": after and after[0], "limit": limit + 1}
    reached = await (await connection.execute(_MAY_READ, caller.parameters | values)).fetchone()
    if reached is None or not reached[0]:
        raise not_found()
    async with connection.cursor(row_factory=dict_row) as rows:
        await rows.execute(_IDENTITY, values)
        items, following = paging.page(await rows.fetchall(), limit, "id")
    return IdentityPage.model_validate({"items": items, "next": following})


def _shown(fields: dict[str, Any], keys: DataKeys, *, auditor: bool) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, value in fields.items():
        if auditor and name in _HEALTH and value is not None:
            told[name] = "…"
        elif name in FIELDS and isinstance(value, str):
            told[name] = masked(opened(keys, value))
        else:
            told[name] = value
    return told
