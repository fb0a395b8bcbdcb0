"""Which methods a path has is told by every 405, as the document has it."""

import json

import httpx
from pydantic import SecretStr

from services.api.app import make_app
from services.runtime.settings import Settings
from tests.parts.system import ROOT

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
PATHS = json.loads((ROOT / "docs/contract/openapi.json").read_text("utf-8"))["paths"]


async def test_a_method_that_a_path_lacks_is_told_those_that_it_has() -> None:
    """No database is asked: a wrong method is refused before anything else."""
    app = make_app(Settings(secret_key=SecretStr("0" * 32), database_url="postgresql://nowhere.invalid/none"))
    wrong: list[tuple[object, ...]] = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://anhu") as client:
        for path, operations in PATHS.items():
            there = {method.upper() for method in operations}
            address = "/".join("x" if part.startswith("{") else part for part in path.split("/"))
            lacking = [method for method in METHODS if method not in there]
            # Where nothing stands for anything, every one: there another path may fit too.
            for method in lacking[:2] if "{" in path else lacking:
                answer = await client.request(method, address)
                allowed = set(answer.headers.get("allow", "").split(", "))
                if (answer.status_code, allowed) != (405, there):
                    wrong.append((method, path, answer.status_code, allowed))
    assert wrong == []
    assert len(PATHS) > 100
