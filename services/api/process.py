"""`anhu api`: uvicorn with sockets set up for live screens."""

import socket
import sys

import uvicorn

from services.api.app import make_app
from services.runtime.settings import Settings

#: What the kernel may hold for a screen that does not read: small, so that slowness shows soon.
SEND_BUFFER_BYTES = 64 * 1024
#: A peer that is gone without a word is noticed after this.
USER_TIMEOUT_MS = 45_000


def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT; exits with a sentence when the port is taken."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.http_host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Set on the listener, inherited by every connection.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    try:
        listener.bind((settings.http_host, settings.http_port))
    except OSError as error:
        sys.exit(
            f"anhu api: cannot listen on {settings.http_host}:{settings.http_port} ({error.strerror});"
            " set ANHU_HTTP_HOST and ANHU_HTTP_PORT"
        )
    config = uvicorn.Config(
        make_app(settings),
        ws="websockets-sansio",
        # Our own heartbeat and the kernel's time-out tell a dead screen; a slow one must be told 4408, not cut.
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        ws_max_size=64 * 1024,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[listener])
