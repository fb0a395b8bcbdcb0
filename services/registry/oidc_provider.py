"""An OpenID Connect provider over HTTP: where it is, its keys, and what it says of somebody who comes back from it.

Nothing here is asked while a connection to the database is held: a provider that hangs holds up nobody but those who
sign in by it.
"""

import asyncio
import base64
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import httpx
import jwt

#: Signatures by a key of the provider's; never one by a secret that we have too.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
SECONDS: Final = 5.0
#: A provider's description and keys are good for so long; unknown keys are asked for before, but not more often.
FRESH: Final = 3600.0
AGAIN: Final = 10.0
#: Clocks may be apart.
LEEWAY: Final = 30
_MOST_BYTES: Final = 1_000_000


class ProviderAwayError(Exception):
    """It does not answer, or with what is no answer."""


class NotProvenError(Exception):
    """What came back proves nobody."""


@dataclass(frozen=True, slots=True)
class Person:
    """What a verified ID token says."""

    subject: str
    #: by which a first sign-in may find an account; only what the provider vouches for
    email: str | None
    preferred_username: str | None
    #: the provider asked for more than a password
    factor: bool


@dataclass(frozen=True, slots=True)
class _Known:
    authorization: str
    token: str
    keys: str
    by_post: bool


@dataclass(slots=True)
class Provider:
    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str
    clock: Callable[[], float] = time.monotonic
    _known: _Known | None = None
    _known_at: float = 0
    _keys: Mapping[str | None, jwt.PyJWK] = field(default_factory=dict)
    _keys_at: float = float("-inf")
    _failed_at: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def address(self, state: str, nonce: str, challenge: str) -> str:
        """Where somebody's browser is sent. Raises ProviderAwayError."""
        known = await self._discovered()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid profile email",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{known.authorization}{'&' if '?' in known.authorization else '?'}{urlencode(query)}"

    async def person(self, code: str, verifier: str, nonce: str) -> Person:
        """Whom the code is of. Raises ProviderAwayError, NotProvenError."""
        known = await self._discovered()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": verifier,
        }
        headers: dict[str, str] = {}
        login = {"client_id": self.client_id}
        if self.client_secret and known.by_post:
            login["client_secret"] = self.client_secret
        elif self.client_secret:
            pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
            headers, login = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, {}
        answer = await self._ask("POST", known.token, data=form | login, headers=headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NotProvenError(f"no ID token: {str(answer.get('error', ''))[:100]!r}")
        return _said(await self._verified(token), nonce)

    async def _verified(self, token: str) -> dict[str, Any]:
        try:
            named = jwt.get_unverified_header(token).get("kid")
            key = await self._key(named)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self.client_id,
                issuer=self.issuer,
                leeway=LEEWAY,
                options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
            )
        except jwt.PyJWTError as error:
            raise NotProvenError(f"the ID token does not hold: {error}") from None
        others = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if (len(others) > 1 or "azp" in claims) and claims.get("azp") != self.client_id:
            raise NotProvenError("the ID token is another client's (azp)")
        return claims

    async def _key(self, named: str | None) -> jwt.PyJWK:
        """Providers change their keys: one that is not known is asked for."""
        async with self._lock:
            age = self.clock() - self._keys_at
            if age > FRESH or (self._found(named) is None and age > AGAIN):
                assert self._known is not None
                self._keys = _usable(await self._once_asked(self._known.keys))
                self._keys_at = self.clock()
        found = self._found(named)
        if found is None:
            raise NotProvenError("the ID token is signed by no key of the provider's")
        return found

    def _found(self, named: str | None) -> jwt.PyJWK | None:
        if named is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(named)

    async def _discovered(self) -> _Known:
        async with self._lock:
            now = self.clock()
            if self._known is not None and now - self._known_at < FRESH:
                return self._known
            told = await self._once_asked(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            self._known, self._known_at = _described(told, self.issuer), now
            return self._known

    async def _once_asked(self, url: str) -> dict[str, Any]:
        """Whoever waited while it did not answer does not ask in turn."""
        if self.clock() - self._failed_at < AGAIN / 2:
            raise ProviderAwayError("the provider did not answer a moment ago")
        try:
            return await self._ask("GET", url)
        except ProviderAwayError:
            self._failed_at = self.clock()
            raise

    async def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        """JSON. A refusal of the token endpoint is JSON too."""
        try:
            async with asyncio.timeout(2 * SECONDS), httpx.AsyncClient(timeout=SECONDS, trust_env=False) as client:
                answer = await client.request(method, url, **more)
                told = answer.json() if len(answer.content) <= _MOST_BYTES else None
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError, RecursionError) as error:
            raise ProviderAwayError(f"{url}: {error or type(error).__name__}") from None
        if not isinstance(told, dict) or (answer.status_code != 200 and "error" not in told):
            raise ProviderAwayError(f"{url}: answered {answer.status_code}")
        return told


def _described(told: Mapping[str, Any], issuer: str) -> _Known:
    """Raises ProviderAwayError for a description that is not the issuer's, or leads elsewhere in the open."""
    if told.get("issuer") != issuer:
        raise ProviderAwayError(f"the provider calls itself {str(told.get('issuer'))[:200]!r}, not {issuer!r}")
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    authorization, token, keys = (str(told.get(name, "")) for name in names)
    secure = "https://" if issuer.startswith("https://") else "http"
    if not all(one.startswith(secure) for one in (authorization, token, keys)):
        raise ProviderAwayError("the provider's description lacks an address, or has one without TLS")
    ways = told.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    by_post = "client_secret_basic" not in ways and "client_secret_post" in ways
    return _Known(authorization, token, keys, by_post)


def _usable(told: Mapping[str, Any]) -> dict[str | None, jwt.PyJWK]:
    """Keys that sign, by their names; those of a kind that we do not know are left out."""
    found: dict[str | None, jwt.PyJWK] = {}
    keys = told.get("keys")
    for one in keys if isinstance(keys, list) else []:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig":
            continue
        try:
            key = jwt.PyJWK.from_dict(one)
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        if key.algorithm_name in ALGORITHMS:
            found[one.get("kid")] = key
    return found


def _said(claims: Mapping[str, Any], nonce: str) -> Person:
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise NotProvenError("the ID token was made for another sign-in (nonce)")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or "\x00" in subject:
        raise NotProvenError("the ID token names nobody")
    ways = claims.get("amr")
    email, name = claims.get("email"), claims.get("preferred_username")
    return Person(
        subject=subject,
        email=email if isinstance(email, str) and claims.get("email_verified") is True else None,
        preferred_username=name if isinstance(name, str) else None,
        factor=isinstance(ways, list) and "mfa" in ways,
    )
