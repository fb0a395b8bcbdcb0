"""For those who run it: /healthz, /readyz, /metrics."""

from typing import Any

import psycopg
import psycopg_pool
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from services.api.schemas import Readiness
from services.runtime.metrics import gathered
from services.stations.bridges import Bridge, bridges, gone_of, is_listening, states_of
from services.stations.problems import findings, problems_of, told, warnings_of, workers

router = APIRouter(tags=["operations"])

_BACKLOG = """
SELECT (SELECT count(*) FROM event_queue),
       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::float FROM event_queue),
       (SELECT count(*) FROM outbox),
       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float FROM outbox),
       (SELECT count(*) FROM alerts WHERE state = 'triggered')
"""


@router.get("/healthz")
async def healthz() -> dict[str, bool]:
    """This process answers. Nothing more: a database outage must not restart it."""
    return {"alive": True}


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
async def readyz(request: Request) -> JSONResponse:
    """Whether a press would reach a screen: database, gateway, alerts, broker. 503 says what is missing."""
    try:
        async with request.app.state.pool.connection() as connection:
            rows = await workers(connection)
            audited = await findings(connection)
            carried = await bridges(connection)
    except (psycopg.Error, psycopg_pool.PoolTimeout) as error:
        problem = {"code": "database", "detail": f"the database cannot be reached: {str(error).strip()}"}
        return JSONResponse({"ready": False, "problems": [problem], "warnings": [], "workers": [], "bridges": []}, 503)
    # What is grave for everybody makes the system unready; for one station it is a warning here, and on its screen.
    problems = problems_of(rows)
    grave = [one for one in told(problems, audited) if one.organization_id is None]
    listening = is_listening(rows)
    gone = [problem for problem, _ in gone_of(carried, listening=listening)]
    warned = [*warnings_of(rows), *gone, *(one.problem for one in audited if one.problem not in grave)]
    known = {one.code for one in grave}
    found = [{"code": one.code, "detail": one.detail} for one in grave]
    return JSONResponse(
        {
            "ready": not found,
            "problems": found,
            "warnings": [{"code": one.code, "detail": one.detail} for one in warned if one.code not in known],
            "workers": [
                {
                    "kind": row["kind"],
                    "host": row["host"],
                    "pid": row["pid"],
                    "silent": row["silent"],
                    "status": {name: value for name, value in row["status"].items() if name != "metrics"},
                }
                for row in rows
            ],
            "bridges": [one | {"since": one["since"].isoformat()} for one in states_of(carried, listening=listening)],
        },
        503 if found else 200,
    )


class _Facts(Collector):
    """One scrape: what the workers said in their heartbeats, and what the queues hold."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Prometheus text. Workers' counters travel in their heartbeat rows, so one scrape sees every process."""
    up = Metric("anhu_database_up", "whether this api reaches the database", "gauge")
    facts: list[Metric] = [up]
    try:
        async with request.app.state.pool.connection() as connection:
            rows = await workers(connection)
            carried = await bridges(connection)
            backlog = await (await connection.execute(_BACKLOG)).fetchone()
    except (psycopg.Error, psycopg_pool.PoolTimeout):
        up.add_sample("anhu_database_up", {}, 0)
    else:
        up.add_sample("anhu_database_up", {}, 1)
        facts += [*_worker_metrics(rows), _bridge_metric(carried, listening=is_listening(rows))]
        names = ("event_queue", "event_queue_oldest_seconds", "outbox", "outbox_oldest_seconds", "alerts_triggered")
        for name, value in zip(names, backlog or (), strict=False):
            metric = Metric(f"anhu_{name}", name.replace("_", " "), "gauge")
            metric.add_sample(f"anhu_{name}", {}, value)
            facts.append(metric)
    screens = Metric("anhu_live_screens", "live screens connected to this api", "gauge")
    screens.add_sample("anhu_live_screens", {}, request.app.state.hub.sessions())
    registry = CollectorRegistry()
    registry.register(_Facts([*facts, screens]))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _bridge_metric(carried: list[Bridge], *, listening: bool) -> Metric:
    up = Metric(
        "anhu_bridge_up", "1 when the bridge is there, 0 when it is gone; none of one that was stopped", "gauge"
    )
    for one in states_of(carried, listening=listening):
        if one["state"] != "stopped":
            up.add_sample("anhu_bridge_up", {"kind": one["kind"], "bridge": one["name"]}, int(one["state"] == "online"))
    return up


def _worker_metrics(rows: list[dict[str, Any]]) -> list[Metric]:
    ok = Metric("anhu_worker_ok", "1 when the worker beats and does its work", "gauge")
    counted: dict[str, Metric] = {}
    for row in rows:
        labels = {"kind": row["kind"], "worker": f"{row['host']}:{row['pid']}"}
        working = bool(row["status"].get("ok")) and not row["silent"]
        ok.add_sample("anhu_worker_ok", labels, int(working))
        for name, value in row["status"].get("counters", {}).items():
            full = f"anhu_{row['kind']}_{name}"
            metric = counted.setdefault(full, Metric(full, name.replace("_", " "), "counter"))
            metric.add_sample(f"{full}_total", labels, value)
    travelled = [
        ({"worker": f"{row['host']}:{row['pid']}"}, row["status"].get("metrics", []))
        for row in rows
        if not row["silent"]
    ]
    return [ok, *counted.values(), *gathered(travelled)]
