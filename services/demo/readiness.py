"""Whether a station screen could be opened now."""

import http.client


class Readiness:
    """Called, it asks the server; `missing` is what was missing when it was asked last."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._missing = ""

    def __call__(self) -> bool:
        self._missing = self._ask()
        return not self._missing

    def missing(self) -> str:
        return self._missing

    def _ask(self) -> str:
        try:
            status, kind, _ = self._get("/")
            if status != 200 or not kind.startswith("text/html"):
                return f"GET / answers {status} {kind}"
            status, _, body = self._get("/readyz")
        except (OSError, http.client.HTTPException) as error:
            return f"the HTTP server does not answer ({error})"
        return "" if status == 200 else f"/readyz says {body[:500]}"

    def _get(self, path: str) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return (
                answer.status,
                answer.getheader("content-type", ""),
                answer.read().decode("utf-8", "replace"),
            )
        finally:
            connection.close()
