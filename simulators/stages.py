"""What a receipt's stage means for the one who waits for it (pure)."""

from collections.abc import Iterable
from typing import Literal, TypeAlias, get_args

Stage: TypeAlias = Literal[
    "stored", "raised", "seen", "acknowledged", "dispatched", "arrived", "resolved", "cancelled", "rejected"
]
STAGES: tuple[Stage, ...] = get_args(Stage)

# In the order of an alert's life: a later one implies the earlier ones.
PROGRESS = STAGES[: STAGES.index("cancelled")]

# A cancelled alert was stored and raised; nobody need have seen or answered it.
_IMPLIED_BY_CANCELLED = frozenset({"stored", "raised", "cancelled"})


def settles(stage: str) -> bool:
    """Whether a device that gets this stage stops sending the event. An unknown stage says nothing."""
    return stage in STAGES


def reached(wanted: str, seen: Iterable[str]) -> bool:
    """Whether the stages seen so far, in any order, say or imply the wanted one."""
    return any(_implies(stage, wanted) for stage in seen)


def out_of_reach(wanted: str, seen: Iterable[str]) -> str | None:
    """The stage after which the wanted one can no longer come, if such a stage was seen."""
    seen = list(seen)
    if reached(wanted, seen):
        return None
    return next((stage for stage in seen if stage in ("rejected", "cancelled")), None)


def _implies(stage: str, wanted: str) -> bool:
    if stage == wanted:
        return True
    if stage == "cancelled":
        return wanted in _IMPLIED_BY_CANCELLED
    if stage in PROGRESS and wanted in PROGRESS:
        return PROGRESS.index(stage) >= PROGRESS.index(wanted)
    return False
