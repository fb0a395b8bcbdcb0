"""Signing in by an OpenID Connect provider: to it, back from it, and the tokens; and who of it an account is.

Browsers are led by 303, and what went wrong goes to the page as a word behind its `#`: the page has the sentence.
"""

import logging
from typing import Annotated, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field, StringConstraints

from services.api.dependencies import Acting, Address, AppSettings, DatabaseConnection, DataKeys, id_of
from services.api.problems import ProblemError, not_found, responses
from services.api.rate import Rate
from services.api.routes.records import told
from services.api.routes.sign_in import signed_in
from services.api.schemas import Tokens
from services.registry.oidc_provider import NotProvenError, Provider, ProviderAwayError
from services.registry.oidc_sign_in import (
    DisabledError,
    NoAccountError,
    NotBackError,
    bind,
    come_back,
    go,
    take_ticket,
    ticket_for,
    unbind,
)
from services.runtime.settings import Settings
from services.storage.pool import Pool

log = logging.getLogger(__name__)
router = APIRouter(tags=["sign-in"])

CALLBACK: Final = "/api/v1/oidc/callback"
_COOKIE: Final = "anhu_oidc"
_COOKIE_PATH: Final = "/api/v1/oidc"
_COOKIE_SECONDS: Final = 900
_OF_ONE_ADDRESS = Rate(150, 60)  # a shift signs in from one address; three to a sign-in
_PAGES = Literal["/", "/family/", "/visits"]
_Word = Annotated[str | None, Query(max_length=4000, pattern=r"^[^\x00]*$")]


class Oidc(BaseModel):
    name: str | None = Field(description="what the button of the sign-in page says; null: there is no provider")


class OidcTokens(Tokens):
    username: str


class Subject(BaseModel):
    subject: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]*$")] = Field(
        description="`sub`, as the provider has it"
    )


def provider_of(settings: Settings) -> Provider | None:
    if not settings.has_oidc:
        return None
    return Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret.get_secret_value(),
        settings.public_address + CALLBACK,
    )


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.oidc
    if provider is None:
        raise ProblemError(404, "系统没有配置统一登录，请用用户名和密码登录", title="no OIDC provider is configured")
    return provider


def _only_so_often(address: Address) -> None:
    if (again := _OF_ONE_ADDRESS.refuses(address)) is not None:
        raise ProblemError(
            429, f"登录太频繁，请 {again} 秒后再试", headers={"Retry-After": str(again)}, retry_after=again
        )


Configured = Annotated[Provider, Depends(_provider)]


@router.get("/oidc")
async def oidc(settings: AppSettings) -> Oidc:
    """Whether people may sign in by a provider, for the sign-in page."""
    return Oidc(name=settings.oidc_name if settings.has_oidc else None)


@router.get(
    "/oidc/start",
    status_code=303,
    response_class=RedirectResponse,
    responses=responses(404, 422, 429),
    dependencies=[Depends(_only_so_often)],
)
async def start(request: Request, settings: AppSettings, provider: Configured, back: _PAGES = "/") -> Response:
    """Leads to the provider. `back`: the page to come back to."""
    pool: Pool = request.app.state.pool
    async with pool.connection() as connection:
        going = await go(connection, back)
    try:
        address = await provider.address(going.state, going.nonce, going.challenge)
    except ProviderAwayError as error:
        log.warning("signing in by OIDC: %s", error)
        return _trouble(back, "away")
    answer = RedirectResponse(address, 303)
    answer.set_cookie(
        _COOKIE,
        going.browser,
        max_age=_COOKIE_SECONDS,
        path=_COOKIE_PATH,
        secure=settings.public_address.startswith("https://"),
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get(
    "/oidc/callback",
    status_code=303,
    response_class=RedirectResponse,
    responses=responses(404, 422, 429),
    dependencies=[Depends(_only_so_often)],
)
async def callback(
    request: Request,
    settings: AppSettings,
    provider: Configured,
    address: Address,
    state: _Word = None,
    code: _Word = None,
    iss: _Word = None,
    error: _Word = None,
) -> Response:
    """Back from the provider: leads to the page with `#oidc=` and a ticket for `/oidc/token`, or `#oidc-trouble=` and
    one of expired, refused, away, unproven, unknown, disabled."""
    browser = request.cookies.get(_COOKIE, "")
    pool: Pool = request.app.state.pool
    # Two connections, one after the other: none is held while the provider takes its time.
    try:
        async with pool.connection() as connection:
            went = await come_back(connection, state or "", browser)
    except NotBackError:
        return _trouble("/", "expired")
    if error is not None or code is None:
        log.info("signing in by OIDC: the provider says %r", (error or "nothing")[:100])
        return _trouble(went.back, "refused")
    try:
        if iss is not None and iss != provider.issuer:
            raise NotProvenError(f"another issuer answers: {iss[:200]!r}")
        person = await provider.person(code, went.verifier, went.nonce)
        async with pool.connection() as connection:
            ticket = await ticket_for(connection, settings, person, browser, address)
    except ProviderAwayError as cause:
        log.warning("signing in by OIDC: %s", cause)
        return _trouble(went.back, "away")
    except NotProvenError as cause:
        log.warning("signing in by OIDC: %s", cause)
        return _trouble(went.back, "unproven")
    except NoAccountError:
        # An administrator needs it to bind the account.
        log.warning("signing in by OIDC: no account is bound to the subject %r", person.subject)
        return _trouble(went.back, "unknown")
    except DisabledError:
        return _trouble(went.back, "disabled")
    return RedirectResponse(f"{went.back}#oidc={quote(ticket)}", 303)


@router.post("/oidc/token", responses=responses(401, 404, 422, 429, 503), dependencies=[Depends(_only_so_often)])
async def oidc_token(
    request: Request,
    connection: DatabaseConnection,
    settings: AppSettings,
    _provider: Configured,
    address: Address,
    keys: DataKeys,
    ticket: Annotated[str, Form(min_length=1, max_length=200)],
    code: Annotated[str | None, Form(max_length=40)] = None,
) -> OidcTokens:
    """The session of who came back, in the browser that went: tokens as of `POST /token`, once. A 401 with
    `second_factor: true` asks for `code` beside the ticket, where the account has a second factor and the provider
    asked for none."""
    browser = request.cookies.get(_COOKIE, "")
    agent = request.headers.get("user-agent", "")[:200].replace("\x00", "") or None
    with signed_in("登录已过期，请重新登录", "验证码错误次数过多"):
        username, tokens = await take_ticket(
            connection, settings, keys, ticket, browser, address, code=(code or "").strip(), agent=agent
        )
    return OidcTokens(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_in=tokens.expires_in,
        username=username,
    )


@router.put("/accounts/{account_id}/oidc", status_code=204, responses=responses(401, 403, 404, 409, 422))
async def bound(
    connection: DatabaseConnection,
    settings: AppSettings,
    actor: Acting,
    _provider: Configured,
    account_id: str,
    wanted: Subject,
) -> None:
    """Who of the provider the account is, from now on. Whoever was signed in is signed out."""
    with told():
        await bind(connection, settings, actor, id_of(account_id), wanted.subject)


@router.delete("/accounts/{account_id}/oidc", status_code=204, responses=responses(401, 403, 404))
async def unbound(
    connection: DatabaseConnection,
    settings: AppSettings,
    actor: Acting,
    _provider: Configured,
    account_id: str,
) -> None:
    """Nobody of the provider is this account any more. Whoever was signed in is signed out."""
    with told():
        if not await unbind(connection, settings, actor, id_of(account_id)):
            raise not_found()


def _trouble(back: str, word: str) -> Response:
    return RedirectResponse(f"{back}#oidc-trouble={word}", 303)
