"""The api's application without a process: asked over ASGI by an administrator of a ward's city."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from services.api.app import make_app
from services.registry.passwords import hash_password
from services.runtime.settings import Settings
from tests.parts.ward import Ward

PASSWORD = "a long password"
_HASHED = hash_password(PASSWORD)


@asynccontextmanager
async def signed_in(ward: Ward, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The ward's administrator, who reaches the whole city."""
    run = ward.connection.execute
    await run("UPDATE accounts SET password_hash = %s WHERE id = %s", (_HASHED, ward.account))
    await run("INSERT INTO account_organizations VALUES (%s, %s) ON CONFLICT DO NOTHING", (ward.account, ward.city))
    secret = "only for this test, invented and long enough"
    app = make_app(Settings(database_url=ward.url, secret_key=secret, **settings))
    await app.state.pool.open()
    try:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://anhu/api/v1", timeout=20
        ) as http:
            answer = await http.post("/token", data={"username": "admin", "password": PASSWORD})
            http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield http
    finally:
        await app.state.pool.close()
