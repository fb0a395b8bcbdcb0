"""What routes ask for: a connection, the settings, who is calling and from where."""

import ipaddress
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer

from services.api.gate import pass_gate
from services.api.problems import ProblemError, not_found
from services.registry.names import Actor
from services.registry.reach import Caller
from services.registry.sealing import Keys
from services.registry.sign_in import caller_of
from services.runtime.settings import Settings
from services.storage.pool import Connection, Pool

_bearer = OAuth2PasswordBearer(tokenUrl="/api/v1/token", auto_error=False)


def settings_of(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def connection_of(request: Request) -> AsyncIterator[Connection]:
    pool: Pool = request.app.state.pool
    async with pool.connection() as connection:
        yield connection


def address_of(request: Request) -> str:
    """The network address of who is calling; X-Forwarded-For is believed only from a trusted proxy."""
    direct = request.client.host if request.client else ""
    trusted = [part.strip() for part in settings_of(request).trusted_proxies.split(",") if part.strip()]
    if direct in trusted:
        # The last hop that no proxy of ours added.
        for hop in reversed(request.headers.get("x-forwarded-for", "").split(",")):
            try:
                address = str(ipaddress.ip_address(hop.strip()))
            except ValueError:
                break
            if address not in trusted:
                return address
    return direct


def keys_of(request: Request) -> Keys:
    keys: Keys = request.app.state.keys
    return keys


DatabaseConnection = Annotated[Connection, Depends(connection_of)]
AppSettings = Annotated[Settings, Depends(settings_of)]
DataKeys = Annotated[Keys, Depends(keys_of)]
Address = Annotated[str, Depends(address_of)]


async def _caller(
    request: Request,
    connection: DatabaseConnection,
    settings: AppSettings,
    token: Annotated[str | None, Depends(_bearer)],
) -> Caller:
    """Who is calling, and their role may do what the route does (gate.py)."""
    caller = await caller_of(connection, settings, token) if token else None
    if caller is None:
        raise ProblemError(401, "登录已失效，请重新登录", headers={"WWW-Authenticate": "Bearer"})
    pass_gate(caller, request.method, request.scope["route"].path)
    return caller


SignedIn = Annotated[Caller, Depends(_caller)]


def _acting(caller: SignedIn, address: Address) -> Actor:
    return Actor(caller.name, address, caller)


#: Whoever is signed in, as the registry keeps who did what.
Acting = Annotated[Actor, Depends(_acting)]


def id_of(text: str) -> UUID:
    """A path's id; what cannot be one does not exist."""
    try:
        return UUID(text)
    except ValueError:
        raise not_found() from None
