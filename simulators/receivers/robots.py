"""Robots of chats, as their makers' public rules have them: 钉钉 (open.dingtalk.com), 飞书 (自定义机器人使用指南) and
企业微信 (群机器人配置说明). Where they refuse, they mostly answer 200, and say in the body why.

Written from those pages, and from what people have seen of answers: no robot of theirs is reached by any test.
"""

import base64
import hashlib
import hmac
import json
import re
import time
import urllib.parse
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: 钉钉 and 飞书: a signature older than an hour is none.
SIGNED_SECONDS: Final = 3600
#: 飞书: of a whole request; 企业微信: of a text.
FEISHU_BYTES: Final = 20 * 1024
WECOM_BYTES: Final = 2048
#: (messages, seconds) of one robot.
LIMITS: Final[Mapping[str, tuple[tuple[int, float], ...]]] = {
    "robot": ((20, 60),),
    "feishu": ((5, 1), (100, 60)),
    "wecom": ((20, 60),),
}
#: What each says of too many.
TOO_MANY: Final[Mapping[str, tuple[int, str]]] = {
    "robot": (130101, "send too fast, exceed 20 times per minute"),
    "feishu": (11232, "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]"),
    "wecom": (45009, "api freq out of limit"),
}
_KEY = re.compile(r"[A-Za-z0-9-]{8,64}")


class RefusedError(Exception):
    """What a robot does not take, by its maker's code."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


@dataclass(frozen=True, slots=True)
class Said:
    """What stands in the chat."""

    chat: str
    title: str
    body: str
    url: str
    raw: Mapping[str, Any]


@dataclass
class Robots:
    """`secret`: by which requests are to be signed, by robot; `keywords`: of which a message needs one; `limited`:
    whether too many are refused."""

    secrets: dict[str, str] = field(default_factory=dict)
    keywords: dict[str, list[str]] = field(default_factory=dict)
    limited: bool = False
    _times: defaultdict[tuple[str, str], deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def dingtalk(self, _: str, asked: Mapping[str, list[str]], headers: Mapping[str, str], body: bytes) -> Said:
        token = _one(asked, "access_token")
        if not _KEY.fullmatch(token):
            raise RefusedError(300001, "token is not exist")
        secret = self.secrets.get("robot")
        if secret:
            timestamp = _one(asked, "timestamp")
            signed = hmac.digest(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256)
            fresh = timestamp.isdigit() and abs(time.time() - int(timestamp) / 1000) <= SIGNED_SECONDS
            if not fresh or _one(asked, "sign") != base64.b64encode(signed).decode():
                raise RefusedError(310000, "sign not match")
        told = _json(headers, body, RefusedError(40035, "缺少参数 json"))
        if told.get("msgtype") not in ("text", "markdown"):
            raise RefusedError(400101, "msgtype is not supported")
        said = told[told["msgtype"]]
        words = str(said.get("content") or said.get("text") or "")
        if not words:
            raise RefusedError(400103, "content is empty")
        self._keyword("robot", words, RefusedError(310000, "keywords not in content"))
        self._often("robot", token)
        return _said(token, words, told, str(said.get("title") or ""))

    def feishu(self, rest: str, _: Mapping[str, list[str]], headers: Mapping[str, str], body: bytes) -> Said:
        token = rest.removeprefix("bot/v2/hook/")
        if token == rest or not _KEY.fullmatch(token):
            raise RefusedError(19001, "param invalid: incoming webhook access token invalid")
        wrong = RefusedError(9499, "Bad Request")
        told = _json(headers, body, wrong)
        content = told.get("content")
        text = content.get("text") if isinstance(content, dict) else None
        if len(body) > FEISHU_BYTES or told.get("msg_type") != "text" or not isinstance(text, str) or not text:
            raise wrong
        secret = self.secrets.get("feishu")
        if secret:
            # The words to sign are the key here, and nothing is the message: as their own examples have it.
            timestamp = str(told.get("timestamp", ""))
            signed = hmac.digest(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256)
            fresh = timestamp.isdigit() and abs(time.time() - int(timestamp)) <= SIGNED_SECONDS
            if not fresh or told.get("sign") != base64.b64encode(signed).decode():
                raise RefusedError(19021, "sign match fail or timestamp is not within one hour from current time")
        self._keyword("feishu", text, RefusedError(19024, "Key Words Not Found"))
        self._often("feishu", token)
        return _said(token, text, told)

    def wecom(self, rest: str, asked: Mapping[str, list[str]], headers: Mapping[str, str], body: bytes) -> Said:
        key = _one(asked, "key")
        if rest != "webhook/send" or not _KEY.fullmatch(key):
            raise RefusedError(93000, "invalid webhook url")
        told = _json(headers, body, RefusedError(47001, "data format error"))
        if told.get("msgtype") != "text":
            raise RefusedError(40008, "invalid message type")
        text = told.get("text", {}).get("content")
        if not isinstance(text, str) or not text:
            raise RefusedError(44004, "text content is empty")
        if len(text.encode()) > WECOM_BYTES:
            raise RefusedError(40058, "text.content exceed max length 2048. invalid Request Parameter")
        self._often("wecom", key)
        return _said(key, text, told)

    def _keyword(self, service: str, words: str, refused: RefusedError) -> None:
        wanted = self.keywords.get(service)
        if wanted and not any(one in words for one in wanted):
            raise refused

    def _often(self, service: str, robot: str) -> None:
        times, now = self._times[service, robot], time.monotonic()
        times.append(now)
        while times and times[0] < now - 60:
            times.popleft()
        for most, seconds in LIMITS[service] if self.limited else ():
            if sum(one > now - seconds for one in times) > most:
                raise RefusedError(*TOO_MANY[service])


def refusal(service: str, code: int, words: str) -> bytes:
    """As the maker says no: 飞书 has another word for the code, and beside it an old one that says that all is well."""
    if service == "feishu":
        told: dict[str, Any] = {"code": code, "msg": words, "data": {}}
        return json.dumps({"StatusCode": 0, "StatusMessage": "", **told} if code == 9499 else told).encode()
    return json.dumps({"errcode": code, "errmsg": words}).encode()


def taken(service: str) -> bytes:
    if service == "feishu":
        return b'{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}'
    return b'{"errcode":0,"errmsg":"ok"}'


def _one(asked: Mapping[str, list[str]], name: str) -> str:
    return asked.get(name, [""])[0]


def _json(headers: Mapping[str, str], body: bytes, refused: RefusedError) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        raise refused from None
    if not isinstance(told, dict) or not headers.get("content-type", "").startswith("application/json"):
        raise refused
    return told


def _said(chat: str, words: str, told: Mapping[str, Any], title: str = "") -> Said:
    lines = [line for line in words.splitlines() if line.strip()]
    url = lines.pop() if lines and urllib.parse.urlsplit(lines[-1]).scheme in ("http", "https") else ""
    return Said(chat, title or (lines.pop(0) if lines else ""), "\n".join(lines), url, told)
