"""How findings go out: always the log, and by setting a webhook and a command. Neither our broker, nor our database,
nor alerts' outbox has any part in it: what tells of an outage must not wait for its end."""

import asyncio
import json
import logging
import shlex
import socket
from collections.abc import Sequence
from typing import Any

import httpx

from services.watch.audit import Kept

log = logging.getLogger(__name__)

#: Tried so often, with a pause that doubles; then the next telling (TELL_AGAIN) has its own.
TRIES = 4
TRY_SECONDS = 10.0


def message(kept: Kept, *, over: bool) -> dict[str, Any]:
    """What is told of a finding. No personal data: an alert's or a station's id at most."""
    finding = kept.finding
    return {
        "source": "anhu watch",
        "host": socket.gethostname(),
        "state": "over" if over else "on",
        "code": finding.code,
        "subject": finding.subject,
        "organization_id": str(finding.organization_id) if finding.organization_id else None,
        "grave": finding.grave,
        "message": finding.message,
        "detail": finding.detail,
        "first_seen_at": kept.first_seen_at.isoformat(),
        "last_seen_at": kept.last_seen_at.isoformat(),
        # A repeat of the same words for whoever gets them twice.
        "key": f"{finding.code}/{finding.subject}/{kept.first_seen_at.isoformat()}/{'over' if over else 'on'}",
    }


class SecondWay:
    """Tells without holding the audit up. `failing` says what does not get through."""

    def __init__(self, webhook: str, command: str) -> None:
        self._webhook, self._command = webhook, shlex.split(command)
        self._telling: set[asyncio.Task[None]] = set()
        self.told = 0
        self.failing: str | None = None

    def tell(self, on: Sequence[Kept], over: Sequence[Kept]) -> None:
        """From the event loop. The log has it when this returns."""
        for kept, is_over in [*((one, False) for one in on), *((one, True) for one in over)]:
            finding = kept.finding
            if is_over:
                log.warning("audit: over: %s %s", finding.code, finding.subject)
            else:
                level = logging.CRITICAL if finding.grave else logging.ERROR
                log.log(level, "audit: %s %s: %s", finding.code, finding.subject, finding.detail)
            self.told += 1
            body = message(kept, over=is_over)
            for way in (self._post if self._webhook else None, self._run if self._command else None):
                if way is not None:
                    task = asyncio.create_task(self._try(way, body))
                    self._telling.add(task)
                    task.add_done_callback(self._telling.discard)

    async def finish(self, seconds: float) -> None:
        """Gives what is under way so long."""
        if self._telling:
            await asyncio.wait(self._telling, timeout=seconds)

    async def _try(self, way: Any, body: dict[str, Any]) -> None:
        for number in range(TRIES):
            try:
                async with asyncio.timeout(TRY_SECONDS):
                    await way(body)
            except (OSError, TimeoutError, httpx.HTTPError, RuntimeError) as error:
                self.failing = f"{way.__name__[1:]}: {type(error).__name__} {error}".strip()
                log.error("audit: a finding could not be told (%s)", self.failing)
                await asyncio.sleep(2**number)
            else:
                self.failing = None
                return

    async def _post(self, body: dict[str, Any]) -> None:
        async with httpx.AsyncClient(timeout=TRY_SECONDS) as client:
            answer = await client.post(self._webhook, json=body)
            if not answer.is_success:
                raise RuntimeError(f"the webhook answers {answer.status_code}")

    async def _run(self, body: dict[str, Any]) -> None:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await process.communicate(json.dumps(body, ensure_ascii=False).encode() + b"\n")  # for files and `logger`
        except asyncio.CancelledError:
            process.kill()
            raise
        if process.returncode:
            raise RuntimeError(f"the command ends with {process.returncode}")
