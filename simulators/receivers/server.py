"""One HTTP server with all of them behind it: a push service, gateways of SMS and of voice, robots of 钉钉, 飞书 and
企业微信, Bark, ntfy, a platform that takes signed webhooks. Each checks what comes, and may be made to fail, wait,
refuse or lie."""

import base64
import hashlib
import hmac
import json
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from simulators.receivers.robots import RefusedError, Robots, Said, refusal, taken
from simulators.receivers.web_push import Browser, WrongError, check_headers

NAMES = ("push", "sms", "voice", "robot", "feishu", "wecom", "bark", "ntfy", "smseagle", "hook")
#: The first part of the path at their makers', where that is not the name.
_PATHS: Final[Mapping[str, str]] = {"open-apis": "feishu", "cgi-bin": "wecom", "jsonrpc": "smseagle", "": "ntfy"}
ROBOTS: Final = ("robot", "feishu", "wecom")
#: A signed webhook that is older is an old one played again.
FRESH_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Manner:
    """How a service behaves. `mute`: it says yes and shows nothing. `delay`: seconds before it answers."""

    status: int = 200
    delay: float = 0.0
    mute: bool = False
    retry_after: int | None = None
    #: in the body a refusal by its maker's code: behind a 200, as robots of chats mostly do, or another status
    code: int = 0
    words: str = "no"


MANNERS: Mapping[str, Manner] = {
    "well": Manner(),
    "failing": Manner(500),
    "slow": Manner(delay=30),
    "busy": Manner(429, retry_after=30),
    "gone": Manner(410),
    "refusing": Manner(403),
    "mute": Manner(mute=True),
    "denying": Manner(code=310000),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What reached somebody's eye or ear: by which service, for whom there, and the words."""

    service: str
    recipient: str
    title: str
    body: str
    url: str
    raw: Mapping[str, Any]
    at: float = field(default_factory=time.time)


class Receivers:
    """Listens while it is open. `shown` is what people saw, `wrong` what senders had wrong, `requests` how often each
    service was asked. `application_key`: that subscriptions are made for, where it is known."""

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        application_key: str | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.shown: list[Shown] = []
        self.wrong: list[str] = []
        self.requests: dict[str, int] = dict.fromkeys(NAMES, 0)
        self.application_key = application_key
        self.hook_secret = ""
        self.robots = Robots()
        self.password = "only-for-tests"  # noqa: S105 - of a gateway that reaches nobody
        self._browsers: dict[str, Browser] = {}
        self._manners = {name: Manner() for name in NAMES}
        self._keys: set[str] = set()
        self._come = threading.Condition()
        self._ending = threading.Event()
        self._tell = tell
        self._server = _Server((host, port), _handler(self))
        self.url = f"http://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="receivers", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # What a tester does ---------------------------------------------------------------------------

    def behave(self, service: str, manner: str | Manner = "well") -> None:
        """From the next request on. Of one address alone: `sms/13900000000`."""
        self._manners[service] = MANNERS[manner] if isinstance(manner, str) else manner

    def subscribe(self) -> dict[str, Any]:
        """A new browser's subscription."""
        name, browser = uuid.uuid4().hex, Browser()
        self._browsers[name] = browser
        return browser.subscription(f"{self.url}/push/{name}")

    def address(self, service: str, recipient: str = "someone") -> str:
        """What somebody enters: a URL of Apprise for the gateways, of the web for the others."""
        host = self.url.removeprefix("http://")
        if service in ("sms", "voice"):
            return f"json://anhu:{self.password}@{host}/{service}/{recipient}"
        if service in ("bark", "ntfy"):
            return f"{service}://{host}/{recipient}"
        if service == "smseagle":
            return f"smseagle://{self.password}@{host}/{recipient}"
        return f"{self.url}/{service}/{recipient}"

    def until(self, count: int, service: str | None = None, limit: float = 45) -> list[Shown]:
        """Waits until people have seen so many messages, by a service or by any."""

        def seen() -> list[Shown]:
            return [one for one in self.shown if service in (None, one.service)]

        with self._come:
            if not self._come.wait_for(lambda: len(seen()) >= count, limit):
                raise TimeoutError(f"not {count} by {service} within {limit} s, but {self.shown}; wrong: {self.wrong}")
            return seen()

    # What a service does --------------------------------------------------------------------------

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        parts = urllib.parse.urlsplit(path)
        _, service, *rest = parts.path.split("/")
        service = "bark" if service == "push" and not rest else _PATHS.get(service, service)
        if service == "control":
            return self._control(rest, urllib.parse.parse_qs(parts.query))
        if service not in NAMES:
            return 404, {}, b""
        recipient = "/".join(rest)
        manner = self._manners.get(f"{service}/{recipient}", self._manners[service])
        with self._come:
            self.requests[service] += 1
        if manner.delay and self._ending.wait(manner.delay):
            return 503, {}, b""
        if manner.status >= 400 or manner.code:
            name = "x-ogw-ratelimit-reset" if service == "feishu" else "Retry-After"
            told = refusal(service, manner.code, manner.words) if manner.code else b"{}"
            return manner.status, {name: str(manner.retry_after)} if manner.retry_after else {}, told
        try:
            found = getattr(self, f"_{service}")(recipient, parts, headers, body)
        except RefusedError as error:
            with self._come:
                self.wrong.append(f"{service}: {error.words}")
            self._tell(json.dumps({"service": service, "wrong": error.words}, ensure_ascii=False))
            return 200, {}, refusal(service, error.code, error.words)
        except WrongError as error:
            with self._come:
                self.wrong.append(f"{service}: {error}")
            self._tell(json.dumps({"service": service, "wrong": str(error)}, ensure_ascii=False))
            return 400, {}, json.dumps({"errcode": 400, "errmsg": str(error)}).encode()
        if found is None:
            return 404, {}, b""
        if not manner.mute:
            with self._come:
                self.shown.append(found)
                self._come.notify_all()
            said = {"service": service, "to": found.recipient, "title": found.title, "body": found.body}
            self._tell(json.dumps(said | {"url": found.url}, ensure_ascii=False))
        if service == "push":
            return 201, {"Location": f"{self.url}/sent"}, b""
        return 200, {}, b'{"result": [{"message_id": 1, "status": "ok"}]}' if service == "smseagle" else taken(service)

    def _push(self, recipient: str, _: Any, headers: Mapping[str, str], body: bytes) -> Shown | None:
        browser = self._browsers.get(recipient)
        if browser is None:
            return None
        check_headers(headers, self.url, self.application_key)
        told = json.loads(browser.decrypt(body))
        return Shown("push", recipient, told["title"], told["body"], told["url"], told)

    def _sms(self, recipient: str, _: Any, headers: Mapping[str, str], body: bytes) -> Shown:
        told = self._gateway(headers, body)
        if len(told["title"]) + len(told["message"]) > 210:
            raise WrongError("longer than three parts of an SMS")
        return self._spoken("sms", recipient, told)

    def _voice(self, recipient: str, _: Any, headers: Mapping[str, str], body: bytes) -> Shown:
        return self._spoken("voice", recipient, self._gateway(headers, body))

    def _gateway(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        expected = base64.b64encode(f"anhu:{self.password}".encode()).decode()
        if headers.get("authorization") != f"Basic {expected}":
            raise WrongError("wrong account or password")
        return _json(body)

    def _spoken(self, service: str, recipient: str, told: dict[str, Any]) -> Shown:
        words, _, url = str(told["message"]).partition("\n")
        return Shown(service, recipient, str(told["title"]), words, url, told)

    def _robot(self, rest: str, parts: urllib.parse.SplitResult, headers: Mapping[str, str], body: bytes) -> Shown:
        return _shown("robot", self.robots.dingtalk(rest, urllib.parse.parse_qs(parts.query), headers, body))

    def _feishu(self, rest: str, parts: urllib.parse.SplitResult, headers: Mapping[str, str], body: bytes) -> Shown:
        return _shown("feishu", self.robots.feishu(rest, urllib.parse.parse_qs(parts.query), headers, body))

    def _wecom(self, rest: str, parts: urllib.parse.SplitResult, headers: Mapping[str, str], body: bytes) -> Shown:
        return _shown("wecom", self.robots.wecom(rest, urllib.parse.parse_qs(parts.query), headers, body))

    def _bark(self, _: str, __: Any, ___: Mapping[str, str], body: bytes) -> Shown:
        """Bark's own server: a POST of JSON to `/push`."""
        told = _json(body)
        return self._spoken("bark", str(told["device_key"]), told | {"message": told["body"]})

    def _ntfy(self, _: str, __: Any, ___: Mapping[str, str], body: bytes) -> Shown:
        """A POST of JSON to the root of an ntfy."""
        told = _json(body)
        return self._spoken("ntfy", str(told["topic"]), told)

    def _smseagle(self, _: str, __: Any, ___: Mapping[str, str], body: bytes) -> Shown:
        """A gateway of SMS with a JSON-RPC of its own; the title is the first line."""
        told = _json(body).get("params", {})
        if told.get("access_token") != self.password:
            raise WrongError("wrong access token")
        title, _, words = str(told["message"]).partition("\n")
        return self._spoken("smseagle", str(told["to"]), told | {"title": title.strip(), "message": words.strip()})

    def _hook(self, recipient: str, _: Any, headers: Mapping[str, str], body: bytes) -> Shown:
        timestamp, key = headers.get("anhu-timestamp", ""), headers.get("anhu-key", "")
        signed = hmac.digest(self.hook_secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hex()
        if not hmac.compare_digest(headers.get("anhu-signature", ""), f"v1={signed}"):
            raise WrongError("the signature is not of this body, time and secret")
        if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > FRESH_SECONDS:
            raise WrongError("older than five minutes")
        told = _json(body)
        if told.get("key") != key:
            raise WrongError("the key is not that of the body")
        with self._come:
            again = key in self._keys
            self._keys.add(key)
        # The same again is answered as it was, and shown to nobody.
        return Shown("hook again" if again else "hook", recipient, told["title"], told["body"], told["url"], told)

    def _control(self, rest: list[str], asked: Mapping[str, list[str]]) -> tuple[int, dict[str, str], bytes]:
        manner = asked.get("manner", ["well"])[0]
        if not rest or rest[0] not in NAMES or manner not in MANNERS:
            return 400, {}, f"want /control/{'|'.join(NAMES)}?manner={'|'.join(MANNERS)}\n".encode()
        self.behave("/".join(rest), manner)
        return 200, {}, f"{'/'.join(rest)}: {manner}\n".encode()


def _shown(service: str, said: Said) -> Shown:
    return Shown(service, said.chat, said.title, said.body, said.url, said.raw)


def _json(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        raise WrongError("the body is no JSON") from None
    if not isinstance(told, dict):
        raise WrongError("the body is no object")
    return told


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    #: A burst connects all at once: who finds no place tries again after seconds, as TCP does.
    request_queue_size = 128


def _handler(receivers: Receivers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        #: Headers and body in two packets would wait for each other.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, told = receivers.answer(self.path, headers, body)
            try:
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # whoever asked has given up

        do_PUT = do_POST  # noqa: N815 - the base class looks for this name

        def log_message(self, *_: object) -> None:
            pass

    return Handler
