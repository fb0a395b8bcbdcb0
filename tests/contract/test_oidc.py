"""Signing in by a provider, as a browser does it: there, back, and who it is. People are invented."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.parts import documents
from tests.parts.oidc import CLIENT, SECRET, FakeProvider
from tests.parts.ports import free_port
from tests.parts.system import PLAIN, Person, System, is_ready
from tests.parts.waiting import until

PEOPLE = ("oidc-1", "oidc-2@example.org", "oidc-3@example.org")


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture(scope="module")
def url(system: System, provider: FakeProvider) -> Iterator[str]:
    """An api beside the first one, to which the provider is named."""
    for name in PEOPLE:
        system.sql(
            "INSERT INTO accounts (id, username, password_hash, name, role)"
            " SELECT gen_random_uuid(), %s, password_hash, '联某', 'administrator' FROM accounts"
            " WHERE username = 'street-1'",
            name,
        )
        system.sql(
            "INSERT INTO account_organizations SELECT id, %s FROM accounts WHERE username = %s",
            *(system.organization("community"), name),
        )
    port = free_port()
    settings = {
        "ANHU_HTTP_PORT": str(port),
        "ANHU_OIDC_ISSUER": provider.issuer,
        "ANHU_OIDC_CLIENT_ID": CLIENT,
        "ANHU_OIDC_CLIENT_SECRET": SECRET,
        "ANHU_OIDC_NAME": "区统一身份认证（虚构）",
        "ANHU_OIDC_MATCH": "email",
        "ANHU_SECOND_FACTOR_REQUIRED": "true",
    }
    system.start("api-oidc", **settings)
    address = f"http://127.0.0.1:{port}"
    until(lambda: is_ready(address), "the api with a provider", limit=60, every=0.1)
    yield address
    process = system.processes.pop("api-oidc")
    process.terminate()
    process.wait(20)
    for table, column in (("second_factors", "account_id"), ("sessions", "account_id"), ("accounts", "id")):
        system.sql(
            f"DELETE FROM {table} WHERE {column} IN (SELECT id FROM accounts WHERE username = ANY(%s))", list(PEOPLE)
        )


@pytest.fixture
def browser(url: str, provider: FakeProvider) -> Iterator[httpx.Client]:
    provider.claims, provider.down = {}, False
    hooks = {"response": [documents.check_answer]}
    with httpx.Client(base_url=f"{url}/api/v1", timeout=20, verify=PLAIN, event_hooks=hooks) as client:
        yield client


def gone(browser: httpx.Client, provider: FakeProvider, back: str = "/") -> dict[str, str]:
    """What the provider sends the browser back with."""
    answer = browser.get("/oidc/start", params={"back": back})
    assert answer.status_code == 303, answer.text
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    return provider.authorize(answer.headers["location"])


def led(browser: httpx.Client, back_with: dict[str, str]) -> tuple[str, str, str]:
    """The page, and behind its #: the word and its value."""
    answer = browser.get("/oidc/callback", params=back_with)
    assert answer.status_code == 303, answer.text
    page, _, word = answer.headers["location"].partition("#")
    name, _, value = word.partition("=")
    return page, name, value


def signed_in(browser: httpx.Client, provider: FakeProvider, **form: str) -> httpx.Response:
    _, name, ticket = led(browser, gone(browser, provider))
    assert name == "oidc", ticket
    return browser.post("/oidc/token", data={"ticket": ticket} | form)


def me(browser: httpx.Client, tokens: dict[str, Any], path: str = "/me") -> httpx.Response:
    return browser.get(path, headers={"Authorization": f"Bearer {tokens['access_token']}"})


def account(system: System, username: str) -> str:
    [(found,)] = system.sql("SELECT id::text FROM accounts WHERE username = %s", username)
    return str(found)


def test_without_a_provider_there_is_no_button(operator: Person) -> None:
    assert operator.get("/oidc") == {"name": None}
    assert operator.http.get("/oidc/start").status_code == 404
    assert operator.http.post("/oidc/token", data={"ticket": "x"}).status_code == 404


def test_somebody_who_is_bound_signs_in(
    browser: httpx.Client, provider: FakeProvider, system: System, url: str
) -> None:
    assert browser.get("/oidc").json() == {"name": "区统一身份认证（虚构）"}
    one = account(system, "oidc-1")
    admin = system.sign_in("admin", url)
    # Here administrators need a second factor, and this one signed in without.
    assert admin.http.put(f"/accounts/{one}/oidc", json={"subject": "bound-1"}).status_code == 403
    system.sql(
        "INSERT INTO account_subjects (account_id, issuer, subject, bound_by_name) VALUES (%s, %s, 'bound-1', '试')",
        *(one, provider.issuer),
    )
    provider.claims = {"sub": "bound-1", "amr": ["pwd", "mfa"]}
    page, name, ticket = led(browser, gone(browser, provider, "/family/"))
    assert (page, name) == ("/family/", "oidc")
    with httpx.Client(base_url=browser.base_url, verify=PLAIN) as other:
        assert other.post("/oidc/token", data={"ticket": ticket}).status_code == 401, "another browser"
    answer = browser.post("/oidc/token", data={"ticket": ticket})
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert tokens["username"] == "oidc-1"
    assert browser.post("/oidc/token", data={"ticket": ticket}).status_code == 401, "once"
    assert me(browser, tokens).json()["username"] == "oidc-1"
    # The provider asked for a second factor: where it is required, theirs counts, and an account is seen with it.
    listed = me(browser, tokens, "/accounts").json()["items"]
    assert {row["username"]: row["oidc_subject"] for row in listed}["oidc-1"] == "bound-1"
    renewed = browser.post(
        "/token", data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    ).json()
    assert me(browser, renewed, "/accounts").status_code == 200

    headers = {"Authorization": f"Bearer {renewed['access_token']}"}
    two = account(system, "oidc-2@example.org")
    taken = browser.put(f"/accounts/{two}/oidc", json={"subject": "bound-1"}, headers=headers)
    assert taken.status_code == 409
    assert browser.put(f"/accounts/{two}/oidc", json={"subject": "bound-2"}, headers=headers).status_code == 204
    assert browser.delete(f"/accounts/{two}/oidc", headers=headers).status_code == 204
    assert browser.delete(f"/accounts/{two}/oidc", headers=headers).status_code == 404
    city = account(system, "city-1")
    assert browser.put(f"/accounts/{city}/oidc", json={"subject": "x"}, headers=headers).status_code == 404
    assert browser.delete(f"/accounts/{one}/oidc", headers=headers).status_code == 204
    assert me(browser, renewed).status_code == 401, "and is signed out"
    kept = system.sql("SELECT what, actor FROM changes WHERE subject = 'account' AND subject_id = %s ORDER BY id", two)
    assert kept[-2:] == [("subject bound", "联某"), ("subject unbound", "联某")]


def test_a_first_sign_in_finds_the_account_of_its_address_and_no_other(
    browser: httpx.Client, provider: FakeProvider, system: System
) -> None:
    for claims in (
        {},
        {"email": "oidc-2@example.org"},
        {"email": "oidc-2@example.org", "email_verified": False},
        {"email": "nobody@example.org", "email_verified": True},
        {"email": "anhu-watch", "email_verified": True},
        {"preferred_username": "oidc-1"},
    ):
        provider.claims = {"sub": "new-2"} | claims
        assert led(browser, gone(browser, provider))[1:] == ("oidc-trouble", "unknown"), claims
    provider.claims = {"sub": "new-2", "email": "OIDC-2@example.org", "email_verified": True}
    tokens = signed_in(browser, provider).json()
    assert tokens["username"] == "oidc-2@example.org"
    assert me(browser, tokens, "/accounts").status_code == 403, "no second factor, neither ours nor theirs"
    # Bound from now on: whatever the address becomes, and whoever has it next.
    provider.claims = {"sub": "new-2"}
    assert signed_in(browser, provider).json()["username"] == "oidc-2@example.org"
    provider.claims = {"sub": "somebody-else", "email": "oidc-2@example.org", "email_verified": True}
    assert led(browser, gone(browser, provider))[1:] == ("oidc-trouble", "unknown")


def test_our_code_is_asked_for_where_the_provider_asked_for_none(
    browser: httpx.Client, provider: FakeProvider, system: System
) -> None:
    provider.claims = {"sub": "new-3", "email": "oidc-3@example.org", "email_verified": True}
    headers = {"Authorization": f"Bearer {signed_in(browser, provider).json()['access_token']}"}
    browser.post("/me/second-factor", headers=headers)
    # Switched on without a telephone: what is asked for is tried, and not the code.
    system.sql(
        "UPDATE second_factors SET on_since = now() WHERE account_id = %s", account(system, "oidc-3@example.org")
    )
    refused = signed_in(browser, provider)
    assert (refused.status_code, refused.json()["second_factor"]) == (401, True)
    refused = signed_in(browser, provider, code="000000")
    assert (refused.status_code, refused.json()["second_factor"]) == (401, True)
    provider.claims["amr"] = ["mfa"]
    assert signed_in(browser, provider).status_code == 200


def test_who_may_not_or_is_not_back(browser: httpx.Client, provider: FakeProvider, system: System, url: str) -> None:
    system.sql("UPDATE accounts SET disabled_at = now() WHERE username = 'oidc-1'")
    system.sql(
        "INSERT INTO account_subjects (account_id, issuer, subject, bound_by_name) VALUES (%s, %s, 'shut-out', '试')",
        *(account(system, "oidc-1"), provider.issuer),
    )
    provider.claims = {"sub": "shut-out"}
    assert led(browser, gone(browser, provider))[1:] == ("oidc-trouble", "disabled")

    provider.claims = {"sub": "new-2", "email": "oidc-2@example.org", "email_verified": True}
    once = gone(browser, provider)
    assert led(browser, once)[1] == "oidc"
    assert led(browser, once) == ("/", "oidc-trouble", "expired"), "a state is good once"
    assert led(browser, {"state": "never", "code": "x"})[2] == "expired"
    assert led(browser, {})[2] == "expired"
    theirs = gone(browser, provider)
    with httpx.Client(base_url=f"{url}/api/v1", verify=PLAIN) as other:
        assert led(other, theirs)[2] == "expired", "somebody is not signed in as who sent them a link"
    back = gone(browser, provider, "/visits")
    assert led(browser, {"state": back["state"], "error": "access_denied"}) == ("/visits", "oidc-trouble", "refused")
    assert led(browser, gone(browser, provider) | {"iss": "https://other.example"})[2] == "unproven"
    for claims in ({"nonce": "x"}, {"aud": "x"}, {"exp": 1}):
        provider.claims = {"sub": "new-2"} | claims
        assert led(browser, gone(browser, provider))[2] == "unproven", claims
    late = gone(browser, provider)
    system.sql("UPDATE oidc_tries SET begun_at = begun_at - interval '1 hour'")
    assert led(browser, late)[2] == "expired"
    provider.claims = {"sub": "new-2"}
    back = gone(browser, provider)
    provider.down = True
    assert led(browser, back)[1:] == ("oidc-trouble", "away")
    assert browser.get("/oidc/start", params={"back": "//evil.example"}).status_code == 422
    assert urlsplit(browser.get("/oidc/start").headers["location"]).netloc in ("", urlsplit(provider.issuer).netloc)


def test_what_goes_to_the_provider_is_new_each_time(browser: httpx.Client, provider: FakeProvider) -> None:
    asked = [parse_qs(urlsplit(browser.get("/oidc/start").headers["location"]).query) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name][0]) >= 43
    assert asked[0]["redirect_uri"][0].endswith("/api/v1/oidc/callback")


def test_too_many_from_one_address_wait(browser: httpx.Client) -> None:
    answers = [browser.get("/oidc/callback").status_code for _ in range(150)]
    assert answers[-1] == 429
