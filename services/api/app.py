"""The HTTP and WebSocket application."""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import psycopg_pool
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alerts.rulebook import RuleBook
from services.api import problems
from services.api.routes import (
    accounts,
    alerts,
    beds,
    cameras,
    care_map,
    changes,
    channels,
    commands,
    consents,
    covers,
    device_models,
    drills,
    duty,
    elder_rules,
    enrolment,
    escalation,
    exchange,
    family,
    fences,
    fhir,
    handover,
    held,
    imports,
    medication,
    oidc,
    open_notice,
    operations,
    own,
    places,
    privacy,
    quarantine,
    readings,
    records,
    registry,
    reports,
    responders,
    rules,
    services,
    several,
    sign_in,
    tasks,
    trials,
    visits,
    webhooks,
)
from services.api.tiles import tiles_of
from services.registry.sealing import Keys, KeysError
from services.runtime.beats import Heart, Pulse
from services.runtime.settings import Settings, SettingsError
from services.stations.bridges import bridges, gone_of, is_listening
from services.stations.hub import Hub
from services.stations.live import LiveStations
from services.stations.problems import Problem, findings, problems_of, told, workers
from services.storage.pool import make_pool

log = logging.getLogger(__name__)

_DATABASE_AWAY = Problem(
    "database",
    "数据库连接中断，新的呼救暂时不会显示，请电话值守并通知技术人员",
    "the api has no connection to the database",
)
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self' ws: wss:; media-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'"
)
# Swagger's page starts itself by an inline script.
_DOCS_POLICY = _POLICY.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'")
MAX_BODY_BYTES = 1024 * 1024
#: A file of some forty thousand people; larger ones go in by `anhu import`.
MAX_FILE_BYTES = 10 * 1024 * 1024
_V1 = "/api/v1"
_FILES = f"{_V1}/imports/"
_WEB = Path(__file__).parent.parent / "web" / "dist"


class _SafeHeaders:
    """What every answer carries against sniffing, framing and foreign scripts."""

    def __init__(self, app: ASGIApp, pictures: Sequence[str] = ()) -> None:
        self._app = app
        #: a map's tiles, of whoever the operator of this system has named
        self._policy = _POLICY.replace("img-src 'self' data:", " ".join(["img-src 'self' data:", *pictures]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        policy = _DOCS_POLICY if path in ("/docs", "/redoc") else self._policy
        extra = [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
        ]
        if path.startswith("/api/"):
            extra.append((b"cache-control", b"no-store"))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        await self._app(scope, receive, with_headers)


class _BodyLimit:
    """Refuses a request body that no route needs, before it fills the memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken = 0
        most = MAX_FILE_BYTES if scope["path"].startswith(_FILES) else MAX_BODY_BYTES

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise HTTPException(413, f"a request body may have {most} bytes")
            return message

        await self._app(scope, counted, send)


class _WholePaths:
    """A path that is written out has its own methods alone: `/rules/check` is no rule with the name check, whose routes
    would fit it too."""

    def __init__(self, app: ASGIApp, methods: Mapping[str, set[str]]) -> None:
        self._app = app
        self._methods = {
            path: [one for one in problems.METHODS if one in there]
            for path, there in methods.items()
            if "{" not in path
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            methods = self._methods.get(scope["path"])
            if methods is not None and scope["method"] not in methods:
                await problems.not_allowed(Request(scope), methods)(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _watch_problems(app: FastAPI) -> None:
    """Keeps what the screens are told of the system itself."""
    while True:
        try:
            async with app.state.pool.connection() as connection:
                found = await findings(connection)
                rows = await workers(connection)
                gone = gone_of(await bridges(connection), listening=is_listening(rows))
                alone = [problem for problem, is_left in gone if is_left]
                app.state.live.problems = [*told(problems_of(rows), found), *alone]
        except (psycopg.Error, psycopg_pool.PoolTimeout):
            app.state.live.problems = [_DATABASE_AWAY]
        await asyncio.sleep(2)


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    pool, hub, pulse = app.state.pool, app.state.hub, Pulse()

    def status() -> dict[str, Any]:
        return {
            "ok": pulse.age() < 10 and hub.connected,
            "database": "connected" if hub.connected else "disconnected",
            "screens": hub.sessions(),
        }

    async def beat() -> None:
        while True:
            pulse.beat()
            await asyncio.sleep(0.5)

    heart = Heart("api", settings.database_url, status)
    heart.start()
    await pool.open(wait=False)
    tasks = [
        asyncio.create_task(work)
        for work in (
            *(hub.run(), app.state.live.watch_sessions(), app.state.live.presence.run()),
            *(_watch_problems(app), beat()),
        )
    ]
    for task in tasks:
        task.add_done_callback(_tell_death)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await pool.close()
        heart.stop()


def _tell_death(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.critical("a task of the api has died", exc_info=task.exception())


def make_app(settings: Settings) -> FastAPI:
    """The application; its database need not be there yet."""
    app = FastAPIOffline(
        title="Anhu (安护)",
        version="1",
        description="Smart elderly care: alerts, people, devices, live station screens. The contract's version 1.",
        lifespan=_lifespan,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.pool = make_pool(settings.database_url)
    app.state.rulebook = RuleBook()
    app.state.map_homes = {}
    app.state.tiles = tiles_of(
        settings.map_tiles, settings.map_key.get_secret_value(), settings.map_datum, settings.map_attribution
    )
    try:
        app.state.keys = Keys(settings.data_keys.get_secret_value())
    except KeysError as error:
        raise SettingsError(str(error)) from None
    app.state.oidc = oidc.provider_of(settings)
    app.state.hub = Hub(settings.database_url)
    app.state.live = LiveStations(settings, app.state.pool, app.state.hub)
    problems.install(app)

    methods: dict[str, set[str]] = defaultdict(set)
    for module in (
        # Trials before rules: theirs are paths that could be the id of a rule.
        *(sign_in, oidc, alerts, registry, elder_rules, fences, trials, rules, covers, held, drills, reports),
        *(enrolment, readings, quarantine, escalation, duty, responders, tasks, handover, places, channels, family),
        *(records, device_models, several, consents, own, accounts, changes, imports, services, privacy),
        *(visits, commands, medication, care_map, beds, cameras, exchange, fhir, webhooks),
    ):
        app.include_router(module.router, prefix=_V1)
        for route in module.router.routes:
            assert isinstance(route, APIRoute)
            methods[_V1 + route.path] |= route.methods or set()

    @app.websocket(f"{_V1}/stations/{{organization_id}}/live")
    async def live(socket: WebSocket, organization_id: str) -> None:
        await app.state.live.serve(socket, organization_id)

    app.include_router(operations.router)
    app.include_router(open_notice.router)
    web = settings.web_dir or _WEB
    if (web / "index.html").is_file():
        # Not the whole of "/": a mount there would answer 404 to a wrong method of a route.
        app.mount("/assets", StaticFiles(directory=web / "assets", check_dir=False), name="web")

        @app.get("/", include_in_schema=False)
        async def station_screen() -> FileResponse:
            return FileResponse(web / "index.html", headers={"cache-control": "no-cache"})

        @app.get("/r/{token}", include_in_schema=False)
        async def responder_page(token: str) -> FileResponse:
            """The same for every token: what it opens is asked for by the page."""
            return FileResponse(web / "responder.html", headers={"cache-control": "no-cache"})

        @app.get("/h/{token}", include_in_schema=False)
        async def handover_page(token: str) -> FileResponse:
            return FileResponse(web / "handover.html", headers={"cache-control": "no-cache"})

        # The service worker lies below the page whose messages it shows: that is how far its rights go.
        @app.get("/family", include_in_schema=False)
        async def to_family_page() -> RedirectResponse:
            return RedirectResponse("/family/", 308)

        @app.get("/family/", include_in_schema=False)
        async def family_page() -> FileResponse:
            return FileResponse(web / "family.html", headers={"cache-control": "no-cache"})

        app.mount("/family", StaticFiles(directory=web / "family", check_dir=False), name="family")

        @app.get("/visits", include_in_schema=False)
        async def visits_page() -> FileResponse:
            """A visitor's, in a hand; whose visits they are is asked for by the page."""
            return FileResponse(web / "visits.html", headers={"cache-control": "no-cache"})

    else:

        @app.get("/", include_in_schema=False)
        async def not_built() -> PlainTextResponse:
            return PlainTextResponse("the station screen is not built: run `make web`\n", 503)

    app.add_middleware(_WholePaths, methods=methods)
    app.add_middleware(_BodyLimit)
    app.add_middleware(_SafeHeaders, pictures=app.state.tiles.origins)
    _complete_openapi(app)
    return app


def _can_be_malformed(operation: dict[str, Any]) -> bool:
    """In more than its path, whose ids are looked up as they come."""
    return "requestBody" in operation or any(
        one["in"] != "path" or one["schema"].get("type") != "string" for one in operation.get("parameters", [])
    )


def _complete_openapi(app: FastAPI) -> None:
    """What FastAPI does not know: every error has the one form of `problems`, and the database may be away."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        schema = generate()
        schemas = schema["components"]["schemas"]
        schemas.setdefault("Problem", problems.Problem.model_json_schema())
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        for path, operations_of in schema["paths"].items():
            for operation in operations_of.values():
                told = operation["responses"]
                if "HTTPValidationError" in str(told.get("422")):
                    del told["422"]
                    if _can_be_malformed(operation):
                        told.update({str(status): one for status, one in problems.responses(422).items()})
                if "requestBody" in operation:
                    told.setdefault("413", problems.responses(413)[413])
                if "security" in operation:
                    # Which roles it lets in is the gate's to say.
                    told.setdefault("403", problems.responses(403)[403])
                if path.startswith("/api/"):
                    told.update({str(status): one for status, one in problems.responses(503).items()})
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
