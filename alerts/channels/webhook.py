"""Signed webhooks: JSON over HTTP POST, so that a platform of somebody else can tell people in its own way.

The signature is HMAC-SHA256 with the channel's secret over `timestamp.body`. Whoever refuses timestamps that are older
than five minutes, and keys that were there already, cannot be played an old one. Redirects are not followed.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from alerts.channels.http import posted
from alerts.channels.port import Answer
from alerts.domain.message import Message


class Webhook:
    each = 16

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(self, target: Mapping[str, Any], message: Message) -> Answer:
        return await post_signed(self._client, target["url"], target["secret"], message.key, body_of(message))

    def lane(self, target: Mapping[str, Any]) -> str:
        return f"webhook {urlsplit(target['url']).netloc}"


async def post_signed(client: httpx.AsyncClient, url: str, secret: str, key: str, told: Mapping[str, Any]) -> Answer:
    """`key`: the same for the same thing sent again."""
    body = json.dumps(told, ensure_ascii=False).encode()
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Anhu-Key": key,
        "Anhu-Timestamp": timestamp,
        "Anhu-Signature": f"v1={signature(secret, timestamp, body)}",
    }
    return await posted(client, url, body, headers)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hex()


def body_of(message: Message) -> dict[str, Any]:
    return {
        "key": message.key,
        "tag": message.tag,
        "title": message.title,
        "body": message.body,
        "url": message.url,
        "severity": message.severity.value,
        "drill": message.drill,
        "at": message.at.isoformat(),
    }
