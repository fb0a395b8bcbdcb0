"""One POST with a hard limit, and what became of it."""

import asyncio
from collections.abc import Callable, Mapping
from urllib.request import getproxies

import httpx

from alerts.channels.addresses import ForbiddenAddressError
from alerts.channels.connections import KEPT_SECONDS, MOST_KEPT, Connections
from alerts.channels.port import CONNECT_SECONDS, SEND_SECONDS, Answer, answered
from alerts.domain.delivery import Outcome

#: An answer that is longer is cut off: we read its status alone.
_MOST_BYTES = 64 * 1024


def make_client() -> httpx.AsyncClient:
    # A client with connections of ours does not ask the environment for a proxy: with one they are httpx's own.
    behind_proxy = bool({"http", "https", "all"} & getproxies().keys())
    return httpx.AsyncClient(
        transport=None if behind_proxy else Connections(),
        timeout=httpx.Timeout(SEND_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=MOST_KEPT, keepalive_expiry=KEPT_SECONDS),
        follow_redirects=False,
        headers={"User-Agent": "Anhu"},
    )


async def posted(
    client: httpx.AsyncClient,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    gone: tuple[int, ...] = (410,),
    seconds: float = SEND_SECONDS,
    judge: Callable[[Answer, bytes], Answer] = lambda answer, _: answer,
) -> Answer:
    """`judge` reads the body behind what the status says, and may know better."""
    try:
        # A limit for the whole: httpx's are for each byte that keeps one waiting.
        async with asyncio.timeout(seconds), client.stream("POST", url, content=body, headers=headers) as told:
            read = bytearray()
            async for part in told.aiter_bytes():
                read += part
                if len(read) > _MOST_BYTES:
                    break
            wait = told.headers.get("retry-after") or told.headers.get("x-ogw-ratelimit-reset")  # 飞书's word for it
            return judge(answered(told.status_code, wait, gone=gone), bytes(read))
    except (TimeoutError, httpx.TimeoutException):
        return Answer(Outcome.FAILED, f"no answer within {seconds:g} s")
    except ForbiddenAddressError:
        return Answer(Outcome.REFUSED, "its address is not a public one")
    except httpx.InvalidURL:
        return Answer(Outcome.REFUSED, "its address is none")
    except httpx.HTTPError as error:
        if _forbidden(error):
            return Answer(Outcome.REFUSED, "its address is not a public one")
        return Answer(Outcome.FAILED, f"no connection ({type(error).__name__})")


def _forbidden(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ForbiddenAddressError):
            return True
        if isinstance(error, BaseExceptionGroup):  # of each address of a name
            return any(_forbidden(one) for one in error.exceptions)
        error = error.__cause__ or error.__context__
    return False
