"""Web Push (RFC 8030): to a browser that may be closed, through its vendor's service, which can read nothing of it.

pywebpush encrypts (RFC 8291) and py_vapid signs (RFC 8292); the request is ours, so that it has a limit and no thread.
"""

import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from alerts.channels.http import posted
from alerts.channels.port import Answer
from alerts.domain.alert import Severity
from alerts.domain.delivery import Outcome
from alerts.domain.message import Message

#: Seconds that a service keeps a message for a browser that is away: what comes later is news of yesterday.
_KEPT: Final = {Severity.RED: 3600, Severity.ORANGE: 3600, Severity.YELLOW: 6 * 3600, Severity.BLUE: 12 * 3600}
#: A signature holds for 12 h at most by the services' reading; it is made anew well before.
_SIGNED_SECONDS = 6 * 3600


class WebPush:
    """`private_key`: PEM, by which services know us. `contact`: whom they write to, as mailto: or https:."""

    each = 24

    def __init__(self, client: httpx.AsyncClient, private_key: str, contact: str) -> None:
        self._client, self._private_key, self._contact = client, private_key, contact
        self._signed: dict[str, tuple[float, str]] = {}

    @staticmethod
    def load() -> None:
        """What it sends by: a third of a second of a processor, which the first who is told would wait for."""
        import py_vapid
        import pywebpush

        assert py_vapid, pywebpush

    async def send(self, target: Mapping[str, Any], message: Message) -> Answer:
        from pywebpush import WebPusher, WebPushException  # heavy: for whoever sends

        endpoint = str(target["endpoint"])
        try:
            body = WebPusher(dict(target)).encode(payload_of(message), content_encoding="aes128gcm")["body"]
            authorization = self._authorization(endpoint)
        except (WebPushException, ValueError, KeyError, TypeError):
            return Answer(Outcome.REFUSED, "the browser's keys are none")
        headers = {
            "Authorization": authorization,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(_KEPT[message.severity]),
            "Urgency": "high" if message.severity in (Severity.RED, Severity.ORANGE) else "normal",
            # What comes later takes the place of what is still waiting: at most 32 characters, as a uuid's are.
            "Topic": message.tag,
        }
        return await posted(self._client, endpoint, bytes(body), headers, gone=(404, 410))

    def lane(self, target: Mapping[str, Any]) -> str:
        return f"web_push {urlsplit(target['endpoint']).netloc}"

    def _authorization(self, endpoint: str) -> str:
        from py_vapid import Vapid02

        parts = urlsplit(endpoint)
        origin = f"{parts.scheme}://{parts.netloc}"
        now = time.time()
        kept = self._signed.get(origin)
        if kept is None or kept[0] < now:
            claims = {"aud": origin, "exp": int(now) + 2 * _SIGNED_SECONDS, "sub": self._contact}
            headers = Vapid02.from_pem(self._private_key.encode()).sign(claims)
            kept = (now + _SIGNED_SECONDS, headers["Authorization"])
            if len(self._signed) > 1000:  # endpoints are given by people
                self._signed.clear()
            self._signed[origin] = kept
        return kept[1]


def payload_of(message: Message) -> bytes:
    """What the service worker reads (services/web/public/family/sw.js)."""
    return json.dumps(
        {
            "key": message.key,
            "tag": message.tag,
            "title": message.title,
            "body": message.body,
            "url": message.url,
            "severity": message.severity.value,
            "drill": message.drill,
        },
        ensure_ascii=False,
    ).encode()
