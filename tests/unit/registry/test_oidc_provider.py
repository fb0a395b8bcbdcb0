"""What a provider says of somebody, and what proves nobody. Over real HTTP, on this machine."""

import base64
import hashlib
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from services.registry.oidc_provider import AGAIN, NotProvenError, Provider, ProviderAwayError
from tests.parts.oidc import CLIENT, SECRET, FakeProvider


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def shared() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def fake(shared: FakeProvider) -> FakeProvider:
    shared.claims, shared.down = {}, False
    shared.asked.clear()
    return shared


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(fake: FakeProvider, clock: Clock) -> Provider:
    return Provider(fake.issuer, CLIENT, SECRET, "http://127.0.0.1/back", clock)


VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


async def code_of(fake: FakeProvider, provider: Provider, nonce: str = "n") -> str:
    return fake.authorize(await provider.address("state", nonce, CHALLENGE))["code"]


async def test_somebody_comes_back(fake: FakeProvider, provider: Provider) -> None:
    fake.claims = {"email": "a@example.org", "email_verified": True, "preferred_username": "a", "amr": ["pwd", "mfa"]}
    found = await provider.person(await code_of(fake, provider), VERIFIER, "n")
    assert (found.subject, found.email, found.preferred_username, found.factor) == (
        *("person-1", "a@example.org", "a"),
        True,
    )
    fake.claims = {"email": "a@example.org", "email_verified": "true", "amr": "mfa"}
    found = await provider.person(await code_of(fake, provider), VERIFIER, "n")
    assert (found.email, found.factor) == (None, False), "only what it vouches for, in so many words"
    assert fake.asked.count("/keys") == 1


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"aud": "another client"}, "Audience"),
        ({"aud": [CLIENT, "another"]}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"iss": "https://another.example"}, "issuer"),
        ({"exp": int(time.time()) - 3600}, "expired"),
        ({"iat": int(time.time()) + 3600}, "iat"),
        ({"sub": ""}, "nobody"),
        ({"sub": 7}, "Subject"),
    ],
)
async def test_a_token_that_proves_nobody(
    claims: dict[str, Any], why: str, fake: FakeProvider, provider: Provider
) -> None:
    fake.claims = claims
    with pytest.raises(NotProvenError, match=why):
        await provider.person(await code_of(fake, provider), VERIFIER, "n")


async def test_a_code_without_its_verifier_or_twice(fake: FakeProvider, provider: Provider) -> None:
    code = await code_of(fake, provider)
    with pytest.raises(NotProvenError, match="invalid_grant"):
        await provider.person(code, "another", "n")
    with pytest.raises(NotProvenError, match="invalid_grant"):
        await provider.person(code, VERIFIER, "n")


async def test_a_token_signed_by_something_else(
    fake: FakeProvider, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a secret that both have, by nothing, and by a key of the same name that is another's."""
    now = int(time.time())
    claims = {"iss": fake.issuer, "aud": CLIENT, "sub": "x", "iat": now, "exp": now + 60, "nonce": "n"}
    with FakeProvider() as other:
        other.claims = {"iss": fake.issuer}
        forged = other.token("n")
    shared = jwt.encode(claims, "secret, and long enough for a key of HMAC", "HS256", headers={"kid": "shared"})
    for token in (shared, jwt.encode(claims, "", "none", headers={"kid": "first"}), forged, "no.token"):
        monkeypatch.setattr(fake, "token", lambda _nonce, token=token: token)
        with pytest.raises(NotProvenError):
            await provider.person(await code_of(fake, provider), VERIFIER, "n")


async def test_keys_are_changed_by_the_provider(fake: FakeProvider, provider: Provider, clock: Clock) -> None:
    await provider.person(await code_of(fake, provider), VERIFIER, "n")
    fake.change_key("second")
    with pytest.raises(NotProvenError, match="no key"):
        await provider.person(await code_of(fake, provider), VERIFIER, "n")
    assert fake.asked.count("/keys") == 1, "not at each unknown name"
    clock.now += AGAIN + 1
    assert (await provider.person(await code_of(fake, provider), VERIFIER, "n")).subject == "person-1"
    fake.change_key("first")


async def test_a_provider_that_does_not_answer(fake: FakeProvider, provider: Provider, clock: Clock) -> None:
    fake.down = True
    for _ in range(3):
        with pytest.raises(ProviderAwayError):
            await provider.address("state", "n", "c")
    assert len(fake.asked) == 1, "whoever comes next is not made to wait"
    fake.down = False
    clock.now += AGAIN
    code = await code_of(fake, provider)
    fake.down = True
    with pytest.raises(ProviderAwayError):
        await provider.person(code, VERIFIER, "n")
    nobody = Provider("http://127.0.0.1:9", CLIENT, "", "http://127.0.0.1/back", clock)
    with pytest.raises(ProviderAwayError):
        await nobody.address("state", "n", "c")


async def test_another_issuer_under_its_address(fake: FakeProvider, clock: Clock) -> None:
    for issuer in (f"{fake.issuer}/", fake.issuer.replace("127.0.0.1", "localhost")):
        with pytest.raises(ProviderAwayError):
            await Provider(issuer, CLIENT, "", "http://127.0.0.1/back", clock).address("state", "n", "c")
