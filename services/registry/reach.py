"""Whom and what a caller is tied to, as SQL conditions; `access.py` says which ties count for which role.

An operator or administrator reaches their organisations, all below them, and alerts shared with them; a supervisor the
organisations, and of people only those whose alert climbed to them; a caregiver those of their elders who want it
(`consents`). A responder reaches by signing in the elders whom they are to visit, for the visits alone: what else they
were asked to do is in the links of their notices (`alerts/answer.py`). An auditor reaches trails. What is not reached
does not exist: 404.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.registry.access import Action, Thing, Tie, may, ties_of

FAMILY = frozenset({"caregiver"})
#: By what they are to visit: grid workers and others of the register who were given a password.
VISITORS = frozenset({"responder"})

#: The account of `anhu watch`: nobody's, without a password. It sees its own synthetic presses, and no alert.
PROBER = "anhu-watch"


@dataclass(frozen=True, slots=True)
class Caller:
    account_id: UUID
    session_id: UUID
    username: str
    name: str
    role: str
    organizations: tuple[UUID, ...]
    elders: tuple[UUID, ...]
    #: of a caregiver's elders those who let the family see where they are, and what is measured
    located: frozenset[UUID] = frozenset()
    measured: frozenset[UUID] = frozenset()
    #: has to switch a second factor on before anything else
    needs_second_factor: bool = False

    def may_locate(self, elder_id: UUID | None) -> bool:
        return self.role != "caregiver" or elder_id in self.located

    def may_measure(self, elder_id: UUID | None) -> bool:
        return self.role != "caregiver" or elder_id in self.measured

    @property
    def may_move_alerts(self) -> bool:
        return may(self.role, Thing.ALERTS, Action.MOVE)

    @property
    def may_watch(self) -> bool:
        """A live screen of an organisation of theirs."""
        return may(self.role, Thing.LIVE, Action.READ) and not self.needs_second_factor

    @property
    def is_prober(self) -> bool:
        return self.username == PROBER

    @property
    def parameters(self) -> dict[str, Any]:
        """What the conditions below are filled with."""
        ties = frozenset() if self.is_prober else ties_of(self.role)
        places = may(self.role, Thing.ORGANIZATIONS, Action.READ) and self.role not in FAMILY and not self.is_prober
        organizations = list(self.organizations)
        return {
            "reach_organizations": organizations if places else [],
            "reach_people": organizations if Tie.WITHIN in ties else [],
            "reach_climbed": organizations if Tie.CLIMBED in ties else [],
            "reach_elders": list(self.elders) if Tie.THEIR_ELDER in ties else [],
            "reach_account": self.account_id,
            "reach_visitor": self.account_id if self.role in VISITORS else None,
        }


#: Each condition expects the alias in its name and Caller.parameters.
ORGANIZATION_O = (
    "(o.path && %(reach_organizations)s::uuid[] OR o.id IN"
    " (SELECT organization_id FROM elders WHERE id = ANY(%(reach_elders)s::uuid[])))"
)
#: Of whatever has an `organization_id`, by that alone: for trails, where nobody is shown.
BELONGS = (
    "EXISTS (SELECT FROM organizations r WHERE r.id = {}.organization_id AND r.path && %(reach_organizations)s::uuid[])"
)
_ORGANIZATION_OF = BELONGS.replace("reach_organizations", "reach_people")
_UNRESOLVED = "('triggered', 'acknowledged', 'dispatched', 'arrived')"
ELDER_P = (
    f"({_ORGANIZATION_OF.format('p')} OR p.id = ANY(%(reach_elders)s::uuid[])"
    " OR cardinality(%(reach_climbed)s::uuid[]) > 0 AND EXISTS (SELECT FROM alerts n JOIN alert_routes s"
    f" ON s.alert_id = n.id WHERE n.elder_id = p.id AND n.state IN {_UNRESOLVED}"
    " AND s.organization_id = ANY(%(reach_climbed)s::uuid[])))"
)
#: The caller's is all there is: what holds for everybody, or of what is gone.
AT_THE_ROOT = (
    "EXISTS (SELECT FROM organizations r WHERE r.parent_id IS NULL AND r.id = ANY(%(reach_organizations)s::uuid[]))"
)
#: Whom one visits, beside whom one reaches: what visits ask for, and nothing else.
VISITED_P = (
    f"({ELDER_P} OR EXISTS (SELECT FROM visit_assignments g"
    " WHERE g.elder_id = p.id AND g.account_id = %(reach_visitor)s::uuid))"
)
SERVICE_S = f"({_ORGANIZATION_OF.format('s')} OR s.elder_id = ANY(%(reach_elders)s::uuid[]))"
RESPONDER_W = _ORGANIZATION_OF.format("w")
DEVICE_D = f"({_ORGANIZATION_OF.format('d')} OR d.elder_id = ANY(%(reach_elders)s::uuid[]))"
ALERT_A = (
    f"({_ORGANIZATION_OF.format('a')} OR a.elder_id = ANY(%(reach_elders)s::uuid[])"
    " OR EXISTS (SELECT FROM alert_routes s JOIN organizations r ON r.id = s.organization_id"
    " WHERE s.alert_id = a.id AND (r.path && %(reach_people)s::uuid[] OR r.id = ANY(%(reach_climbed)s::uuid[]))))"
)
#: A rule is seen by those for whose elders it may hold, of whatever organisation above it is.
RULE_R = (
    "CASE WHEN r.elder_id IS NOT NULL"
    f" THEN EXISTS (SELECT FROM elders p WHERE p.id = r.elder_id AND {ELDER_P})"
    " ELSE r.organization_id IS NULL OR EXISTS (SELECT FROM organizations o"
    " WHERE o.id = r.organization_id AND o.path && %(reach_organizations)s::uuid[]"
    " OR r.organization_id = ANY(o.path) AND (o.id = ANY(%(reach_organizations)s::uuid[]) OR o.id IN"
    " (SELECT organization_id FROM elders WHERE id = ANY(%(reach_elders)s::uuid[])))) END"
)
#: Whose scope lies within the caller's reach as a whole, which for everyone is the root's alone: `elder_id` and
#: `organization_id` are the scope's.
MAY_RULE = (
    "SELECT CASE WHEN %(elder_id)s::uuid IS NOT NULL"
    f" THEN EXISTS (SELECT FROM elders p WHERE p.id = %(elder_id)s AND {ELDER_P})"
    " ELSE EXISTS (SELECT FROM organizations o WHERE o.path && %(reach_organizations)s::uuid[]"
    " AND CASE WHEN %(organization_id)s::uuid IS NULL THEN o.parent_id IS NULL"
    " ELSE o.id = %(organization_id)s END) END"
)
#: A trial of a rule is seen by those who reach all that its asker did.
TRIAL_T = (
    "NOT EXISTS (SELECT FROM unnest(t.organizations) AS n (id) WHERE NOT EXISTS"
    " (SELECT FROM organizations r WHERE r.id = n.id AND r.path && %(reach_organizations)s::uuid[]))"
)
#: A cover is seen by those whose alerts it may hold back; caregivers see those over their elders.
COVER_C = (
    "CASE WHEN c.elder_id IS NOT NULL"
    f" THEN EXISTS (SELECT FROM elders p WHERE p.id = c.elder_id AND {ELDER_P})"
    " WHEN c.organization_id IS NOT NULL THEN EXISTS (SELECT FROM organizations o"
    " WHERE o.id = c.organization_id AND o.path && %(reach_organizations)s::uuid[]"
    " OR c.organization_id = ANY(o.path) AND o.id = ANY(%(reach_organizations)s::uuid[]))"
    f" ELSE EXISTS (SELECT FROM devices d WHERE d.device_id = ANY(c.device_ids) AND {DEVICE_D}) END"
)
#: What it would lie over is within the caller's reach as a whole: `elder_id`, `organization_id` and `device_ids`.
MAY_COVER = (
    "SELECT (%(elder_id)s::uuid IS NULL OR EXISTS"
    f" (SELECT FROM elders p WHERE p.id = %(elder_id)s AND {ELDER_P}))"
    " AND (%(organization_id)s::uuid IS NULL OR EXISTS (SELECT FROM organizations o"
    " WHERE o.id = %(organization_id)s AND o.path && %(reach_organizations)s::uuid[]))"
    " AND NOT EXISTS (SELECT FROM unnest(%(device_ids)s::text[]) AS n (name)"
    f" WHERE NOT EXISTS (SELECT FROM devices d WHERE d.device_id = n.name AND {DEVICE_D}))"
)
#: A listed press of a drill, and a drill of which one is within reach.
PRESS_P = f"({_ORGANIZATION_OF.format('p')} OR p.elder_id = ANY(%(reach_elders)s::uuid[]))"
DRILL_D = f"EXISTS (SELECT FROM drill_presses p WHERE p.drill_id = d.id AND {PRESS_P})"
HELD_H = f"({_ORGANIZATION_OF.format('h')} OR h.elder_id = ANY(%(reach_elders)s::uuid[]))"
#: Input of a device that is not enrolled belongs to nobody below the root.
QUARANTINE_Q = (
    "(EXISTS (SELECT FROM devices d JOIN organizations r ON r.id = d.organization_id"
    " WHERE d.device_id = q.device_id AND r.path && %(reach_organizations)s::uuid[])"
    " OR (NOT EXISTS (SELECT FROM devices d WHERE d.device_id = q.device_id)"
    " AND EXISTS (SELECT FROM organizations r WHERE r.parent_id IS NULL"
    " AND r.id = ANY(%(reach_organizations)s::uuid[]))))"
)
#: Somebody may be in need now: the elder's position, health notes and entry notes are open.
ELDER_P_IN_NEED = f"EXISTS (SELECT FROM alerts n WHERE n.elder_id = p.id AND n.state IN {_UNRESOLVED})"
#: The caller has opened them with a reason, which holds for a while (break_glass.py).
ELDER_P_OPENED = (
    "EXISTS (SELECT FROM openings b WHERE b.elder_id = p.id AND b.account_id = %(reach_account)s::uuid"
    " AND b.ends_at > clock_timestamp())"
)
ELDER_P_SHOWN = f"({ELDER_P_IN_NEED} OR {ELDER_P_OPENED})"
