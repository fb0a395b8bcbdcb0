"""Sign-in, refresh, sign-out, who am I."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from psycopg.rows import dict_row

from services.api.dependencies import Address, AppSettings, DatabaseConnection, DataKeys, SignedIn
from services.api.problems import ProblemError, responses
from services.api.schemas import Me, Tokens
from services.registry.sealing import KeysError
from services.registry.sign_in import (
    SecondFactorError,
    TooManyFailuresError,
    WrongSignInError,
    refresh,
    sign_in,
    sign_out,
)

router = APIRouter(tags=["sign-in"])

_ORGANIZATIONS = """
SELECT o.id, o.name, o.tier, o.parent_id, o.division_code, o.address, o.phone
FROM account_organizations m JOIN organizations o ON o.id = m.organization_id
WHERE m.account_id = %s ORDER BY cardinality(o.path), o.id
"""


@contextmanager
def signed_in(wrong: str, too_often: str) -> Iterator[None]:
    """Whoever may not becomes the answer."""
    try:
        yield
    except SecondFactorError as error:
        words = "验证码不正确，请等下一组数字再试" if error.given else "请填写动态验证码"
        headers = {"WWW-Authenticate": "Bearer"}
        raise ProblemError(401, words, title=str(error), headers=headers, second_factor=True) from None
    except KeysError as error:
        raise ProblemError(503, "暂时无法核对验证码，请用恢复码登录，或联系技术人员", title=str(error)) from None
    except WrongSignInError:
        raise ProblemError(401, wrong, headers={"WWW-Authenticate": "Bearer"}) from None
    except TooManyFailuresError as error:
        raise ProblemError(
            429,
            f"{too_often}，请 {error.retry_after} 秒后再试",
            headers={"Retry-After": str(error.retry_after)},
            retry_after=error.retry_after,
        ) from None


@router.post("/token", responses=responses(401, 422, 429, 503))
async def token(
    connection: DatabaseConnection,
    settings: AppSettings,
    address: Address,
    keys: DataKeys,
    request: Request,
    username: Annotated[str | None, Form(max_length=200)] = None,
    password: Annotated[str | None, Form(max_length=1000)] = None,
    code: Annotated[str | None, Form(max_length=40)] = None,
    refresh_token: Annotated[str | None, Form(max_length=200)] = None,
    grant_type: Annotated[Literal["password", "refresh_token"], Form()] = "password",
) -> Tokens:
    """Signs in with `username` and `password`, or renews with `grant_type=refresh_token` and `refresh_token`. A 401
    with `second_factor: true` asks for `code` beside them: of the telephone's app, or a recovery code."""
    wrong = "登录已失效，请重新登录" if grant_type == "refresh_token" else "用户名或密码不正确"
    with signed_in(wrong, "密码错误次数过多"):
        if grant_type == "refresh_token":
            if not refresh_token:
                raise ProblemError(422, "缺少 refresh_token")
            tokens = await refresh(connection, settings, refresh_token)
        else:
            if not username or not password:
                raise ProblemError(422, "请填写用户名和密码")
            if "\x00" in username:
                raise WrongSignInError
            agent = request.headers.get("user-agent", "")[:200].replace("\x00", "") or None
            tokens = await sign_in(
                connection, settings, keys, username, password, address, code=(code or "").strip(), agent=agent
            )
    return Tokens(**asdict(tokens))


@router.post("/sign-out", status_code=204, responses=responses(401))
async def leave(connection: DatabaseConnection, caller: SignedIn) -> None:
    """Ends this session: its tokens at once, its live streams within a second."""
    await sign_out(connection, caller.session_id)


@router.get("/me", responses=responses(401))
async def me(connection: DatabaseConnection, caller: SignedIn) -> Me:
    """Who I am: role, organisations."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_ORGANIZATIONS, (caller.account_id,))
        organizations: list[Any] = await cursor.fetchall()
    return Me(
        id=caller.account_id,
        username=caller.username,
        name=caller.name,
        role=caller.role,
        organizations=organizations,
    )
