"""`anhu bridge cloud`: the HTTP receiver and its way to the broker, in one process. Several may run behind a proxy."""

import asyncio
import logging
import socket
import sys

import uvicorn

from gateway.bridges.cloud import make_app
from gateway.bridges.cloud_settings import CLOUDS, CloudSettings
from gateway.bridges.presence import presence_of
from gateway.bridges.uplink import Uplink
from services.runtime.settings import Settings

log = logging.getLogger(__name__)


def run(settings: Settings, cloud: CloudSettings) -> None:
    """Runs until SIGTERM or SIGINT; exits with a sentence when the port is taken."""
    listener = socket.socket(socket.AF_INET6 if ":" in cloud.http_host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((cloud.http_host, cloud.http_port))
    except OSError as error:
        sys.exit(
            f"anhu bridge cloud: cannot listen on {cloud.http_host}:{cloud.http_port} ({error.strerror});"
            " set ANHU_CLOUD_HTTP_HOST and ANHU_CLOUD_HTTP_PORT"
        )
    asyncio.run(_run(settings, cloud, listener))


async def _run(settings: Settings, cloud: CloudSettings, listener: socket.socket) -> None:
    presence = presence_of("cloud", socket.gethostname(), cloud.http_port, settings.bridge_name)
    uplink = Uplink(settings, "cloud", presence=presence)
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(cloud, uplink),
            proxy_headers=False,
            server_header=False,
            access_log=False,  # the secrets are in the addresses
            log_config=None,
            # Some 1 MiB each at most; who comes beyond is told 503, and pushes again.
            limit_concurrency=500,
            timeout_graceful_shutdown=3,
        )
    )
    named = [name for name in CLOUDS if cloud.secret(name)]
    log.info("bridge for %s listens on %s:%d", ", ".join(named), cloud.http_host, cloud.http_port)
    carrying = asyncio.create_task(uplink.run())
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await asyncio.wait({carrying, serving}, return_when=asyncio.FIRST_COMPLETED)
    if carrying.done():
        log.critical("the way to the broker has ended", exc_info=carrying.exception())
        server.should_exit = True
        await serving
        raise SystemExit(1)
    if uplink.waiting:
        log.warning("%d events are without a receipt; their clouds were told to push again", uplink.waiting)
    await uplink.leave()
    carrying.cancel()
    await asyncio.gather(carrying, return_exceptions=True)
