"""Errors as application/problem+json (RFC 9457): `title` for engineers in English, `detail` for operators in
Chinese where a screen may show it."""

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

import psycopg
import psycopg_pool
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from services.api.problem_page import problem_page, wants_page

log = logging.getLogger(__name__)

#: In the order in which they are told.
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Problem(BaseModel):
    """RFC 9457."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Conflict",
                "status": 409,
                "detail": "王芳已经接警，当前状态：已接警",
            }
        },
    )

    type: str = "about:blank"
    title: str = Field(description="for engineers, in English")
    status: int
    detail: str | None = Field(default=None, description="for the operator, in Chinese")


class ProblemError(Exception):
    """Raised anywhere below a route; becomes the answer."""

    def __init__(
        self, status: int, detail: str, *, title: str | None = None, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.more = status, detail, headers, more
        self.title = title or HTTPStatus(status).phrase


def not_found() -> ProblemError:
    """Also what exists but is not reached: who may not see it does not learn that it is there."""
    return ProblemError(404, "没有找到，或不在您的管辖范围内")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of a route's errors."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def _answer(
    request: Request, status: int, title: str, detail: str | None, headers: dict[str, str] | None, **more: Any
) -> Response:
    if wants_page(request):
        return problem_page(request.url.path, status, detail or title, headers)
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail} | more
    return JSONResponse(content, status, headers, media_type="application/problem+json")


def _methods_of(request: Request) -> list[str]:
    """All that answer at this path: the framework knows those of the first route that fits alone."""
    routes = request.app.router.routes
    return [
        method
        for method in METHODS
        if any(one.matches({**request.scope, "method": method})[0] is Match.FULL for one in routes)
    ]


def not_allowed(request: Request, methods: Iterable[str]) -> Response:
    """405, with the methods that there are."""
    headers = {"Allow": ", ".join(methods)}
    return _answer(request, 405, HTTPStatus.METHOD_NOT_ALLOWED.phrase, "不支持这种请求方法", headers)


def install(app: FastAPI) -> None:
    """Every error of the application, whoever raised it, in one form."""

    @app.exception_handler(ProblemError)
    async def _known(request: Request, error: ProblemError) -> Response:
        return _answer(request, error.status, error.title, error.detail, error.headers, **error.more)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        words = {404: "没有找到"}.get(error.status_code)
        headers = dict(error.headers) if error.headers else None
        if error.status_code == 400:
            # The framework's, of a body that is not even text: no route of ours says 400.
            return _answer(request, 422, "Unprocessable Content", "请求内容有误：无法读取，请检查编码和格式", headers)
        if error.status_code == 405:
            return not_allowed(request, _methods_of(request))
        return _answer(request, error.status_code, str(error.detail), words or str(error.detail), headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        errors = [{"where": ".".join(str(part) for part in one["loc"]), "what": one["msg"]} for one in error.errors()]
        told = "；".join(f"{one['where']}: {one['what']}" for one in errors)
        return _answer(request, 422, "Unprocessable Content", f"请求内容有误：{told}", None, errors=errors)

    async def _away(request: Request, error: Exception) -> Response:
        log.warning("the database is away: %s", str(error).strip())
        return _answer(request, 503, "Database unavailable", "数据库暂时连接不上，请稍后重试", {"Retry-After": "1"})

    app.add_exception_handler(psycopg.OperationalError, _away)
    app.add_exception_handler(psycopg.InterfaceError, _away)
    app.add_exception_handler(psycopg_pool.PoolTimeout, _away)

    @app.exception_handler(Exception)
    async def _unknown(request: Request, error: Exception) -> Response:
        log.error("a request failed", exc_info=error)
        return _answer(request, 500, "Internal Server Error", "系统内部错误，已记录，请重试或联系技术人员", None)
