"""What `anhu alerts` does in another process beside the one that takes presses in: trials of rules on stored history.

They read for minutes: so they go after everything else, and are the first to end when memory does.
"""

import contextlib
import os
from pathlib import Path
from typing import Any

from alerts.trials import run_next
from alerts.worker import Connection, Work, Worker, Works, run_worker
from services.runtime.settings import Settings

#: After presses, and after the rules that are in force.
NICENESS = 15
#: Who asks for a trial tells us; whoever died while running one is looked for this often.
ANYHOW_SECONDS = 10.0


class Trials(Worker):
    kind = "trials"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, ("anhu_trials",), ("trials",))

    def status(self) -> dict[str, Any]:
        """Asked by the heart's thread."""
        return {
            "ok": self.turning and self.database_ok,
            "database": "connected" if self.database_ok else "disconnected",
            "stuck": not self.turning,
            "counters": dict(self.counters),
        }

    def tasks(self) -> dict[str, Work]:
        return {"trials": self._run}

    async def _run(self, connection: Connection, works: Works) -> None:
        while True:
            ran = await run_next(connection, self.settings.database_url)
            works()
            if ran:
                self.counters["trials"] += 1
            else:
                await self.wakes["anhu_trials"].wait(ANYHOW_SECONDS)


def run(settings: Settings) -> None:
    """Runs until SIGTERM."""
    os.nice(NICENESS)
    with contextlib.suppress(OSError):  # where there is no such thing
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    os.environ["PGAPPNAME"] = "anhu-trials"
    run_worker(Trials(settings))
