"""What a person gives as a channel, checked and made the target that is kept. Pure but for the new secret."""

import base64
import binascii
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from alerts.channels.addresses import named_private
from services.registry.channel_targets import GATEWAY, ends_of, fingerprints
from services.registry.sealing import NO_KEYS

KINDS: Final = ("web_push", "apprise", "webhook", "sms", "voice", "mail")
MOST_CHARACTERS: Final = 2000
#: Of this machine, of a local file, or what Web Push is already.
_NO_SERVICE: Final = frozenset(
    {"dbus", "kde", "qt", "glib", "gnome", "macosx", "windows", "syslog", "blink1", "vapid", "fcm", "file", "deltachat"}
)
_NUMBER: Final = re.compile(r"\+?\d{7,15}")
_MAIL: Final = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9]{1,30}")


class TargetError(Exception):
    """What was given is no channel; told in Chinese to whoever gave it."""


@dataclass(frozen=True, slots=True)
class Target:
    """`service` may be shown; `secret` is told once, when we made it."""

    kind: str
    value: Mapping[str, Any]
    service: str
    secret: str | None = None

    @property
    def fingerprint(self) -> bytes:
        """The same way given again is the same channel; without keys."""
        return fingerprints(NO_KEYS, self.kind, self.value)[0]


def read_target(kind: str, given: Mapping[str, Any], *, local: bool) -> Target:
    """Raises TargetError. `local`: whether addresses of this machine and its network are allowed."""
    if len(json.dumps(given)) > 2 * MOST_CHARACTERS:
        raise TargetError("地址太长")
    match kind:
        case "web_push":
            return _web_push(given, local)
        case "webhook":
            url = _web_address(given.get("url"), local)
            secret = secrets.token_urlsafe(32)
            return Target(kind, {"url": url, "secret": secret}, urlsplit(url).hostname or "", secret)
        case "apprise":
            return _apprise(given.get("url"), local)
        case "sms" | "voice":
            return _gateway(kind, _number(given.get("to")))
        case "mail":
            return _gateway(kind, _mail_address(given.get("to")))
        case _:
            raise TargetError(f"没有这种通知方式：{kind}")


def _web_push(given: Mapping[str, Any], local: bool) -> Target:
    endpoint = _web_address(given.get("endpoint"), local)
    keys = given.get("keys")
    if not isinstance(keys, Mapping):
        raise TargetError("浏览器的订阅不完整，请重新开启通知")
    point, auth = _bytes(keys.get("p256dh")), _bytes(keys.get("auth"))
    if len(point) != 65 or point[0] != 4 or len(auth) != 16:
        raise TargetError("浏览器的订阅不完整，请重新开启通知")
    kept = {"endpoint": endpoint, "keys": {"p256dh": keys["p256dh"], "auth": keys["auth"]}}
    return Target("web_push", kept, urlsplit(endpoint).hostname or "")


def _apprise(url: Any, local: bool) -> Target:
    if not isinstance(url, str) or len(url) > MOST_CHARACTERS or "://" not in url:
        raise TargetError("请填写 Apprise 地址，例如 dingtalk://令牌 或 mailtos://用户:密码@服务器")
    scheme = url.partition("://")[0].lower()
    if not _SCHEME.fullmatch(scheme) or scheme in _NO_SERVICE:
        raise TargetError(f"不支持 {scheme[:30]}://，请换一种服务")
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        raise TargetError("地址格式不对") from None
    if not local and host and named_private(host):
        raise TargetError("不能使用本机或内网地址")
    return Target("apprise", {"url": url}, scheme)


def number_of(phone: str) -> str:
    """As gateways want it: digits, and the + of a foreign one."""
    return ("+" if phone.strip().startswith("+") else "") + "".join(one for one in phone if one.isdigit())


def _gateway(name: str, to: str) -> Target:
    return Target(GATEWAY, {"gateway": name, "to": to}, ends_of(to))


def _number(given: Any) -> str:
    number = number_of(given) if isinstance(given, str) and len(given) <= 40 else ""
    if not _NUMBER.fullmatch(number):
        raise TargetError("请填写手机号码，例如 139 0000 0000")
    return number


def _mail_address(given: Any) -> str:
    if not isinstance(given, str) or len(given) > 200 or not _MAIL.fullmatch(given.strip()):
        raise TargetError("请填写邮箱地址，例如 name@example.com")
    return given.strip()


def _web_address(url: Any, local: bool) -> str:
    if not isinstance(url, str) or len(url) > MOST_CHARACTERS or any(ord(one) <= 32 for one in url):
        raise TargetError("请填写 https:// 开头的地址")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise TargetError("地址格式不对") from None
    if (parts.scheme != "https" and not (local and parts.scheme == "http")) or not host:
        raise TargetError("请填写 https:// 开头的地址")
    if parts.username is not None or parts.password is not None:
        raise TargetError("地址里不能有用户名和密码")
    if not local and named_private(host):
        raise TargetError("不能使用本机或内网地址")
    return url


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str):
        return b""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
