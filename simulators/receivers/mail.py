"""A mail server (RFC 5321) with one mailbox for everybody: it takes messages from who signs in, and sends none on."""

import base64
import binascii
import contextlib
import email
import email.policy
import socketserver
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Self

USER, PASSWORD = "anhu@mail.example", "only-for-tests"


@dataclass(frozen=True, slots=True)
class Letter:
    sender: str
    recipient: str
    subject: str
    text: str


class MailServer:
    """Listens while it is open. `refuses`: what it answers to a recipient or to the message itself; `silent`: it takes
    a connection and says nothing."""

    def __init__(self, port: int = 0, *, host: str = "127.0.0.1") -> None:
        self.letters: list[Letter] = []
        self.refuses: dict[str, str] = {}
        self.silent = False
        self._come = threading.Condition()
        self._ending = threading.Event()
        self._server = _Server((host, port), _handler(self))
        self.host, self.port = host, self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="mail", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def address(self, recipient: str, password: str = PASSWORD) -> str:
        """As somebody enters it: a URL of Apprise."""
        user = USER.replace("@", "%40")
        return f"mailto://{user}:{password}@{self.host}:{self.port}?to={recipient}&from={USER}&mode=insecure"

    def until(self, count: int, limit: float = 45) -> list[Letter]:
        with self._come:
            if not self._come.wait_for(lambda: len(self.letters) >= count, limit):
                raise TimeoutError(f"not {count} letters within {limit} s, but {self.letters}")
            return list(self.letters)

    def hold(self) -> None:
        self._ending.wait(60)

    def take(self, sender: str, recipients: list[str], raw: bytes) -> None:
        message = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        part = message.get_body(("plain", "html"))
        text = part.get_content() if part is not None else ""
        with self._come:
            self.letters += [Letter(sender, one, str(message["subject"]), text.strip()) for one in recipients]
            self._come.notify_all()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def _handler(server: MailServer) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            if server.silent:
                server.hold()
                return
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # whoever wrote has given up
                self._talk()

        def _talk(self) -> None:
            signed_in, sender, recipients = False, "", list[str]()
            self._say("220 mail.example ESMTP of the receivers")
            while line := self.rfile.readline(4096):
                word, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
                refused = server.refuses.get(word.upper())
                match word.upper():
                    case "EHLO":
                        self._say("250-mail.example", "250-8BITMIME", "250-SMTPUTF8", "250 AUTH PLAIN LOGIN")
                    case "HELO":
                        self._say("250 mail.example")
                    case "AUTH":
                        signed_in = self._auth(rest)
                        self._say("235 2.7.0 welcome" if signed_in else "535 5.7.8 wrong user or password")
                    case "QUIT":
                        self._say("221 2.0.0 bye")
                        return
                    case "MAIL" | "RCPT" | "DATA" if not signed_in:
                        self._say("530 5.7.0 sign in first")
                    case "MAIL" | "RCPT" | "DATA" if refused:
                        self._say(refused)
                    case "MAIL":
                        sender, recipients = _between(rest), []
                        self._say("250 2.1.0 ok")
                    case "RCPT":
                        recipients.append(_between(rest))
                        self._say("250 2.1.5 ok")
                    case "DATA":
                        self._say("354 go on")
                        server.take(sender, recipients, self._data())
                        self._say("250 2.0.0 taken")
                    case "RSET" | "NOOP":
                        self._say("250 2.0.0 ok")
                    case _:
                        self._say("502 5.5.2 what?")

        def _say(self, *lines: str) -> None:
            self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

        def _auth(self, rest: str) -> bool:
            kind, _, given = rest.partition(" ")
            try:
                if kind.upper() == "PLAIN":
                    _, user, password = base64.b64decode(given or self._ask("")).split(b"\0")
                else:
                    user = base64.b64decode(given or self._ask("VXNlcm5hbWU6"))
                    password = base64.b64decode(self._ask("UGFzc3dvcmQ6"))
            except (binascii.Error, ValueError):
                return False
            return (user.decode(), password.decode()) == (USER, PASSWORD)

        def _ask(self, words: str) -> str:
            self._say(f"334 {words}")
            return self.rfile.readline(4096).decode().strip()

        def _data(self) -> bytes:
            lines = []
            while (line := self.rfile.readline(65536)) not in (b".\r\n", b".\n", b""):
                lines.append(line[1:] if line.startswith(b"..") else line)
            return b"".join(lines)

    return Handler


def _between(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]
