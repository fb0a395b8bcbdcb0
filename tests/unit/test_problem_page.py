"""Who is shown a page when something goes wrong, and who JSON."""

import pytest
from fastapi import Request

from services.api.problem_page import problem_page, wants_page

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"


def asked(path: str, accept: str | None, method: str = "GET") -> Request:
    headers = [] if accept is None else [(b"accept", accept.encode())]
    return Request({"type": "http", "method": method, "path": path, "headers": headers, "query_string": b""})


@pytest.mark.parametrize(
    ("path", "accept", "method", "page"),
    [
        ("/n/x", CHROME, "GET", True),
        ("/v/x", "TEXT/HTML", "GET", True),
        ("/", CHROME, "GET", True),
        ("/n/x", None, "GET", False),
        ("/n/x", "*/*", "GET", False),
        ("/n/x", "application/json", "GET", False),
        ("/n/x", "application/problem+json, text/html", "GET", False),
        ("/n/x/shown", CHROME, "POST", False),
        ("/api/v1/alerts", CHROME, "GET", False),
        ("/readyz", CHROME, "GET", False),
        ("/assets/gone.js", CHROME, "GET", False),
    ],
)
def test_a_page_is_for_people(path: str, accept: str | None, method: str, page: bool) -> None:
    assert wants_page(asked(path, accept, method)) is page


@pytest.mark.parametrize("status", [400, 404, 410, 422, 429, 500, 503])
def test_each_says_what_to_do_and_nothing_of_what_came(status: int) -> None:
    answer = problem_page("/n/x", status, "<b>因为</b>", {"Retry-After": "1"})
    text = bytes(answer.body).decode()
    assert answer.status_code == status
    assert "打电话" in text
    assert "120" in text
    assert "<b>" not in text
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["vary"] == "Accept"
