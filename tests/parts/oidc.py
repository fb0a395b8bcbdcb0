"""An OpenID Connect provider that says what it is told to say: real HTTP, keys of its own, people invented."""

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "anhu-tests"
SECRET = "only for tests: 8%/+"


class FakeProvider:
    """`claims` go over those of the next ID tokens; `down`: it answers 503."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.down = False
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.change_key("first")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def change_key(self, name: str) -> None:
        """From now on it signs by another one, and shows that one alone."""
        self._key, self._key_name = rsa.generate_private_key(public_exponent=65537, key_size=2048), name

    def authorize(self, address: str) -> dict[str, str]:
        """What somebody's browser is told to go on with, when they said yes at `address`."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith(f"{self.issuer}/authorize?")
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        code = f"code-{len(self._codes)}"
        self._codes[code] = query
        return {"code": code, "state": query["state"], "iss": self.issuer}

    def token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "person-1", "iat": now, "exp": now + 60, "nonce": nonce}
        return jwt.encode(claims | self.claims, self._key, "RS256", headers={"kid": self._key_name})

    def _answer(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        if path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            return 200, {"issuer": self.issuer} | {name: f"{self.issuer}/{end}" for name, end in ends.items()}
        if path == "/keys":
            public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
            other = {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"}
            return 200, {"keys": [public | {"kid": self._key_name, "use": "sig"}, other]}
        went = self._codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        basic = base64.b64encode(f"{CLIENT}:only+for+tests%3A+8%25%2F%2B".encode()).decode()
        if (
            went is None
            or challenge.decode().rstrip("=") != went["code_challenge"]
            or authorization != f"Basic {basic}"
        ):
            return 400, {"error": "invalid_grant"}
        assert form["redirect_uri"] == went["redirect_uri"]
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self.token(went["nonce"])}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/authorize?"):  # a browser's, of somebody who says yes at once
                    back = parse_qs(urlsplit(self.path).query)["redirect_uri"][0]
                    self.send_response(302)
                    self.send_header("location", f"{back}?{urlencode(provider.authorize(provider.issuer + self.path))}")
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                self._reply({})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                self._reply({name: values[0] for name, values in parse_qs(body).items()})

            def _reply(self, form: dict[str, str]) -> None:
                provider.asked.append(self.path)
                authorization = self.headers.get("authorization", "")
                status, told = (503, {}) if provider.down else provider._answer(self.path, form, authorization)
                body = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
