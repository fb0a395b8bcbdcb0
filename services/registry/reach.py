"""Who may see what: the one place that says so, as SQL conditions and as roles.

An operator or administrator reaches their organisations, all below them, and alerts shared with them; a caregiver
reaches their elders. What is not reached does not exist: 404.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Caller:
    account_id: UUID
    session_id: UUID
    username: str
    name: str
    role: str
    organizations: tuple[UUID, ...]
    elders: tuple[UUID, ...]

    @property
    def may_move_alerts(self) -> bool:
        return self.role in ("operator", "administrator")

    @property
    def parameters(self) -> dict[str, Any]:
        """What the conditions below are filled with."""
        staff = self.role != "caregiver"
        return {
            "reach_organizations": list(self.organizations) if staff else [],
            "reach_elders": [] if staff else list(self.elders),
        }


#: Each condition expects the alias in its name and Caller.parameters.
ORGANIZATION_O = (
    "(o.path && %(reach_organizations)s::uuid[] OR o.id IN"
    " (SELECT organization_id FROM elders WHERE id = ANY(%(reach_elders)s::uuid[])))"
)
_ORGANIZATION_OF = (
    "EXISTS (SELECT FROM organizations r WHERE r.id = {}.organization_id AND r.path && %(reach_organizations)s::uuid[])"
)
ELDER_P = f"({_ORGANIZATION_OF.format('p')} OR p.id = ANY(%(reach_elders)s::uuid[]))"
DEVICE_D = f"({_ORGANIZATION_OF.format('d')} OR d.elder_id = ANY(%(reach_elders)s::uuid[]))"
ALERT_A = (
    f"({_ORGANIZATION_OF.format('a')} OR a.elder_id = ANY(%(reach_elders)s::uuid[])"
    " OR EXISTS (SELECT FROM alert_routes s JOIN organizations r ON r.id = s.organization_id"
    " WHERE s.alert_id = a.id AND r.path && %(reach_organizations)s::uuid[]))"
)
#: Input of a device that is not enrolled belongs to nobody below the root.
QUARANTINE_Q = (
    "(EXISTS (SELECT FROM devices d JOIN organizations r ON r.id = d.organization_id"
    " WHERE d.device_id = q.device_id AND r.path && %(reach_organizations)s::uuid[])"
    " OR (NOT EXISTS (SELECT FROM devices d WHERE d.device_id = q.device_id)"
    " AND EXISTS (SELECT FROM organizations r WHERE r.parent_id IS NULL"
    " AND r.id = ANY(%(reach_organizations)s::uuid[]))))"
)
#: Somebody may be in need now: the elder's position, health notes and entry notes are open.
ELDER_P_IN_NEED = (
    "EXISTS (SELECT FROM alerts n WHERE n.elder_id = p.id"
    " AND n.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived'))"
)
