"""A connection for each send that is under way, kept for the next to the same service.

httpx's own pool is made for few requests at a time: each looks at every connection, asks the system whether the idle
ones are still open, and those that wait run for the same one. With two dozen sends to one service at once that was most
of what a send cost (`make bench BENCH=rescue`).
"""

import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import httpx

#: Connections without a send are kept so many, and so long.
MOST_KEPT: Final = 100
KEPT_SECONDS: Final = 30.0

_ONE: Final = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEPT_SECONDS)


class Connections(httpx.AsyncBaseTransport):
    """Each is a pool of one, which knows how to see that a connection is no more."""

    def __init__(self) -> None:
        self._ssl: ssl.SSLContext = httpx.create_ssl_context()
        #: the one that was used last at the end
        self._kept: list[tuple[str, float, httpx.AsyncHTTPTransport]] = []

    @property
    def kept(self) -> int:
        return len(self._kept)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        service = f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"
        connection = self._take(service)
        try:
            answer = await connection.handle_async_request(request)
        except BaseException:
            await connection.aclose()
            raise
        assert isinstance(answer.stream, httpx.AsyncByteStream)

        async def done() -> None:
            self._kept.append((service, time.monotonic(), connection))
            await self._forget()

        return httpx.Response(
            answer.status_code, headers=answer.headers, stream=_Body(answer.stream, done), extensions=answer.extensions
        )

    async def aclose(self) -> None:
        while self._kept:
            await self._kept.pop()[2].aclose()

    def _take(self, service: str) -> httpx.AsyncHTTPTransport:
        for place in range(len(self._kept) - 1, -1, -1):
            if self._kept[place][0] == service:
                return self._kept.pop(place)[2]
        return httpx.AsyncHTTPTransport(verify=self._ssl, limits=_ONE)

    async def _forget(self) -> None:
        old = time.monotonic() - KEPT_SECONDS
        while self._kept and (len(self._kept) > MOST_KEPT or self._kept[0][1] < old):
            await self._kept.pop(0)[2].aclose()


class _Body(httpx.AsyncByteStream):
    """An answer's, at whose end its connection is free."""

    def __init__(self, body: httpx.AsyncByteStream, done: Callable[[], Awaitable[None]]) -> None:
        self._body, self._done = body, done

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._body:
            yield part

    async def aclose(self) -> None:
        await self._body.aclose()
        await self._done()
