"""The robots of 钉钉, 飞书 and 企业微信, at the addresses that Apprise has for them.

By our own hand, since these three answer 200 to what they refuse and say so in the body, where Apprise does not look;
and since the plugin of 钉钉 (1.9) encodes a signature twice, which its service does not take, and that of 飞书 does not
sign. Of 飞书 the other way round too: who asks too often is told so by a 400.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

import httpx

from alerts.channels.http import posted
from alerts.channels.port import Answer
from alerts.domain.delivery import Outcome
from alerts.domain.message import Message

#: Asked too often: 钉钉; 企业微信; 飞书's robots, in its own hours of rush, and its platform.
_BUSY: Final = frozenset({130101, 45009, 11232, 99991400})
#: 飞书 says by one code that a request is wrong and that there are too many; its words tell which.
_WRONG_OR_MANY: Final = 9499


@dataclass(frozen=True, slots=True)
class Places:
    """Where the three are; tests have others."""

    dingtalk: str = "https://oapi.dingtalk.com"
    feishu: str = "https://open.feishu.cn"
    wecombot: str = "https://qyapi.weixin.qq.com"


SCHEMES: Final = ("dingtalk", "feishu", "wecombot")


class Robots:
    def __init__(self, client: httpx.AsyncClient, places: Places = Places()) -> None:
        self._client, self._places = client, places

    async def send(self, target: Mapping[str, Any], message: Message) -> Answer:
        parts = urlsplit(str(target["url"]))
        host = parts.netloc.rpartition("@")[2].rstrip(":")
        token, secret = unquote(host), unquote(parts.username or "")
        text = "\n".join(filter(None, (message.title, message.body, message.url)))
        match parts.scheme:
            case "dingtalk":
                url = f"{self._places.dingtalk}/robot/send?access_token={quote(token, safe='')}"
                if secret:
                    at = str(round(time.time() * 1000))
                    sign = _signed(secret, f"{at}\n{secret}")
                    url += f"&timestamp={at}&sign={quote(sign, safe='')}"
                told: dict[str, Any] = {"msgtype": "text", "text": {"content": text}}
                phones = [one for one in parts.path.split("/") if one.isdigit()]
                if phones:
                    told["at"] = {"atMobiles": phones, "isAtAll": False}
            case "feishu":
                url = f"{self._places.feishu}/open-apis/bot/v2/hook/{quote(token, safe='')}"
                told = {"msg_type": "text", "content": {"text": text}}
                if secret:
                    second = str(int(time.time()))
                    told |= {"timestamp": second, "sign": _signed(f"{second}\n{secret}", "")}
            case _:
                url = f"{self._places.wecombot}/cgi-bin/webhook/send?key={quote(token, safe='')}"
                told = {"msgtype": "text", "text": {"content": text}}
        headers = {"Content-Type": "application/json; charset=utf-8"}
        body = json.dumps(told, ensure_ascii=False).encode()
        return await posted(self._client, url, body, headers, judge=_judged)

    def lane(self, target: Mapping[str, Any]) -> str:
        return str(target["url"]).partition(":")[0]


def _signed(key: str, words: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), words.encode(), hashlib.sha256)).decode()


def _judged(answer: Answer, body: bytes) -> Answer:
    """What a body says that the status does not: behind a yes, and behind a no that may pass."""
    if answer.outcome not in (Outcome.ACCEPTED, Outcome.REFUSED):
        return answer
    try:
        told = json.loads(body)
        code = int(told.get("errcode", told.get("code", told.get("StatusCode", 0))))
    except (ValueError, TypeError, AttributeError):
        accepted = answer.outcome is Outcome.ACCEPTED
        return Answer(Outcome.FAILED, "an answer that is none of its service") if accepted else answer
    if code == 0:
        return answer
    many = code == _WRONG_OR_MANY and "many" in str(told.get("msg")).lower()
    busy = code in _BUSY or many
    return Answer(Outcome.BUSY if busy else Outcome.REFUSED, f"code {code}")
