"""Prints the OpenAPI document: `python -m services.api.openapi > docs/contract/openapi.json`."""

import json
import sys

from services.api.app import make_app
from services.runtime.settings import Settings


def document() -> str:
    """The document as docs/contract/openapi.json holds it. Nothing is connected to."""
    # Of the settings only what shapes the routes could matter, and nothing does: the environment is left out.
    settings = Settings(database_url="postgresql://nowhere/none")
    return json.dumps(make_app(settings).openapi(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
