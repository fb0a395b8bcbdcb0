"""Proof: how well the response was, and whether every press is accounted for."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Response

from alerts.domain.response import BEIJING
from alerts.press_ledger import days_kept, reconcile
from alerts.response_report import MOST_DAYS, TooManyError, beijing_midnight, response_report
from alerts.statistics import statistics
from services.api import statistics_files
from services.api.dependencies import DatabaseConnection, SignedIn
from services.api.problems import ProblemError, responses
from services.api.report_files import as_csv, as_xlsx, csv_of, xlsx_of
from services.api.report_schemas import LedgerDays, PressLedger, ResponseReport
from services.api.schemas import Tier
from services.api.statistics_schemas import Statistics
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(tags=["reports"])

#: Days of one ledger on request.
MOST_LEDGER_DAYS = 31
_WITHIN = "SELECT 1 FROM organizations WHERE id = %s AND path && %s::uuid[]"
_FILES = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_xlsx),
}
_KINDS = {name: kind for name, (kind, _) in _FILES.items()}

FirstDay = Annotated[date | None, Query(alias="from", description="first day of Beijing; a week ago when absent")]
LastDay = Annotated[date | None, Query(alias="to", description="last day, included; today when absent")]
Of = Annotated[UUID | None, Query(description="and all below it; the caller's own when absent")]


@router.get(
    "/reports/response",
    response_model=ResponseReport,
    responses=responses(401, 403, 404, 422)
    | {200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind, _ in _FILES.values()}}},
)
async def response_of(
    connection: DatabaseConnection,
    caller: SignedIn,
    organization_id: Of = None,
    first: FirstDay = None,
    last: LastDay = None,
    format: Annotated[Literal["json", "csv", "xlsx"], Query(description="csv and xlsx are files")] = "json",
) -> Any:
    """Answer, dispatch and arrival against their targets, from the event log alone. Drills apart."""
    organization = await _organization(connection, caller, organization_id)
    begin, end = days_of(first, last, MOST_DAYS)
    try:
        report = await response_report(connection, organization, begin, end)
    except TooManyError as error:
        told = f"这段时间有超过 {error.most} 条告警，请缩短日期范围，或选择下级机构"
        raise ProblemError(422, told, title="Too many alerts for one report") from None
    if report is None:
        raise ProblemError(404, "没有找到，或不在您的管辖范围内")
    if format == "json":
        return ResponseReport.model_validate(dict(report) | {"first": begin, "last": end})
    kind, write = _FILES[format]
    name = f"响应报告_{report['organization']['name']}_{begin}_{end}.{format}"
    headers = {"content-disposition": f"attachment; filename=\"response.{format}\"; filename*=UTF-8''{quote(name)}"}
    content = await asyncio.to_thread(write, report)  # live screens of this process do not wait for it
    return Response(content, media_type=kind, headers=headers)


@router.get(
    "/reports/statistics",
    response_model=Statistics,
    responses=responses(401, 403, 404, 422)
    | {200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _KINDS.values()}}},
)
async def statistics_of(
    connection: DatabaseConnection,
    caller: SignedIn,
    organization_id: Of = None,
    tier: Annotated[Tier | None, Query(description="by organisations of this tier, not by those next below")] = None,
    first: FirstDay = None,
    last: LastDay = None,
    format: Annotated[Literal["json", "csv", "xlsx"], Query(description="csv and xlsx are files")] = "json",
) -> Any:
    """Elders by category and level, devices online, wear rate, alerts, response and visits. Counts alone."""
    organization = await _organization(connection, caller, organization_id)
    begin, end = days_of(first, last, MOST_DAYS)
    try:
        found = await statistics(connection, organization, begin, end, tier)
    except TooManyError as error:
        told = f"这段时间有超过 {error.most} 条告警，请缩短日期范围，或选择下级机构"
        raise ProblemError(422, told, title="Too many alerts for one report") from None
    if found is None:
        raise ProblemError(404, "没有找到，或不在您的管辖范围内")
    if format == "json":
        return Statistics.model_validate(found)
    name = f"统计_{found['organization']['name']}_{begin}_{end}.{format}"
    headers = {"content-disposition": f"attachment; filename=\"statistics.{format}\"; filename*=UTF-8''{quote(name)}"}
    content = await asyncio.to_thread(csv_of if format == "csv" else xlsx_of, statistics_files.sheets(found))
    return Response(content, media_type=_KINDS[format], headers=headers)


@router.get("/reports/ledger", responses=responses(401, 403, 404, 422))
async def ledger_of(
    connection: DatabaseConnection,
    caller: SignedIn,
    organization_id: Of = None,
    first: FirstDay = None,
    last: LastDay = None,
) -> PressLedger:
    """Every press of a period: pressed, stored, raised, seen, answered; gaps and resets of devices that count."""
    organization = await _organization(connection, caller, organization_id)
    begin, end = days_of(first, last, MOST_LEDGER_DAYS)
    since, until = beijing_midnight(begin), beijing_midnight(end + timedelta(days=1))
    return PressLedger.model_validate(await reconcile(connection, since, until, organization))


@router.get("/reports/ledger/days", responses=responses(401, 403))
async def ledger_days(connection: DatabaseConnection, _caller: SignedIn) -> LedgerDays:
    """The whole system's, as it was reconciled day by day: the last ninety days."""
    return LedgerDays.model_validate({"items": await days_kept(connection)})


async def _organization(connection: Connection, caller: Caller, wanted: UUID | None) -> UUID:
    if wanted is None:
        if not caller.organizations:
            raise ProblemError(404, "没有找到，或不在您的管辖范围内")
        return caller.organizations[0]
    found = await (await connection.execute(_WITHIN, (wanted, list(caller.organizations)))).fetchone()
    if found is None:
        raise ProblemError(404, "没有找到，或不在您的管辖范围内")
    return wanted


def days_of(first: date | None, last: date | None, most: int) -> tuple[date, date]:
    today = (datetime.now(UTC) + BEIJING).date()
    end = last or today
    if not 2000 < end.year < 2200:
        raise ProblemError(422, "日期无效：请填写 2001 年以后的日期", title="Invalid period")
    begin = first or end - timedelta(days=6)
    if end < begin:
        raise ProblemError(422, "结束日期不能早于开始日期", title="Invalid period")
    if (end - begin).days >= most:
        raise ProblemError(422, f"一次最多 {most} 天，请缩短日期范围", title="Invalid period")
    return begin, end
