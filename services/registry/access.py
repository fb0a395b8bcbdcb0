"""Who may do what with what: the one place that decides, of roles, ties and things alone. Pure.

`services/api/gate.py` says of each route what it does with which thing, `reach.py` turns ties into conditions of SQL.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    ADMINISTRATOR = "administrator"
    SUPERVISOR = "supervisor"
    OPERATOR = "operator"
    RESPONDER = "responder"
    CAREGIVER = "caregiver"
    AUDITOR = "auditor"
    SERVICE = "service"  # an account of the broker: its rights are topics (services/broker/rights.py)


class Tie(StrEnum):
    """What there is between a caller and what they ask for."""

    WITHIN = "within"  # it belongs to an organisation of theirs, or to one below
    SHARED = "shared"  # an alert that is on the screens of an organisation of theirs, or of one below
    CLIMBED = "climbed"  # an alert that reached an organisation of theirs itself
    THEIR_ELDER = "their elder"
    NONE = "none"


class Thing(StrEnum):
    OWN = "own account"  # sessions, second factor, channels, hours
    ORGANIZATIONS = "organizations"
    REPORTS = "reports"
    RULES = "rules"
    ESCALATION = "escalation and duty"
    TRIALS = "trials of rules"
    ALERTS = "alerts"
    LIVE = "live screens"
    HANDOVER = "sheet for 120"
    ELDERS = "elders"
    PHONES = "telephone numbers"
    IDENTITY = "identity numbers"
    WITHHELD = "what is withheld"  # health and location of an elder without an unresolved alert
    DEVICES = "devices"
    READINGS = "readings"
    FENCES = "fences"
    CONSENTS = "consents"
    COVERS = "covers"
    VISITS = "visits"
    VISITING = "visits to come"  # plans, who is due, whose they are
    MEDICATION = "medication"
    COMMANDS = "commands"
    BEDS = "beds"
    CAMERAS = "cameras"
    CAMERA_VIEWS = "views of cameras"  # for an unresolved alert of the room's elder
    MAP = "care map"
    POSITION = "where somebody lives"
    EXCHANGE = "exchange"
    WEBHOOKS = "webhooks"  # for changes: other systems that are told
    DRILLS = "drills and tests"
    SERVICES = "service requests"
    RESPONDERS = "responders"
    QUARANTINE = "quarantine"
    FAMILY = "family page"
    ACCOUNTS = "accounts"
    IMPORTS = "imports"
    TRAILS = "trails"  # changes, looks, break-glass, seals, how long each thing is kept
    PERSON = "a person's data"  # all of it out, or gone


class Action(StrEnum):
    READ = "read"
    CHANGE = "change"
    MOVE = "move"
    OPEN = "open"


class Decision(StrEnum):
    ALLOWED = "allowed"
    #: Only what climbed, what was consented to, or what an unresolved alert opens; the rest is left out.
    WITHHELD = "withheld"
    REFUSED = "refused"


_WORDS = {"yes": Decision.ALLOWED, "withheld": Decision.WITHHELD, "–": Decision.REFUSED}
# In the order of Role, as the table in ARCHITECTURE.md; tests/unit/registry/test_access.py compares the two.
_TABLE = {
    (Thing.OWN, Action.READ): "yes yes yes yes yes yes –",
    (Thing.OWN, Action.CHANGE): "yes yes yes yes yes yes –",
    (Thing.ORGANIZATIONS, Action.READ): "yes yes yes – yes yes –",
    (Thing.ORGANIZATIONS, Action.CHANGE): "yes – – – – – –",
    (Thing.REPORTS, Action.READ): "yes yes yes – – yes –",
    (Thing.RULES, Action.READ): "yes yes yes – yes – –",
    (Thing.RULES, Action.CHANGE): "yes – – – – – –",
    (Thing.ESCALATION, Action.READ): "yes yes yes – – – –",
    (Thing.ESCALATION, Action.CHANGE): "yes – – – – – –",
    (Thing.TRIALS, Action.READ): "yes – – – – – –",
    (Thing.TRIALS, Action.CHANGE): "yes – – – – – –",
    (Thing.ALERTS, Action.READ): "yes withheld yes – withheld – –",
    (Thing.ALERTS, Action.MOVE): "yes – yes – – – –",
    (Thing.LIVE, Action.READ): "yes – yes – – – –",
    (Thing.HANDOVER, Action.READ): "yes – yes – – – –",
    (Thing.HANDOVER, Action.CHANGE): "yes – yes – – – –",
    (Thing.ELDERS, Action.READ): "withheld withheld withheld – withheld – –",
    (Thing.ELDERS, Action.CHANGE): "yes – – – – – –",
    (Thing.PHONES, Action.OPEN): "yes – yes – – – –",
    (Thing.IDENTITY, Action.OPEN): "yes – – – – – –",
    (Thing.WITHHELD, Action.OPEN): "yes – yes – – – –",
    (Thing.DEVICES, Action.READ): "yes – yes – withheld – –",
    (Thing.DEVICES, Action.CHANGE): "yes – – – – – –",
    (Thing.READINGS, Action.READ): "withheld – withheld – withheld – –",
    (Thing.FENCES, Action.READ): "yes – withheld – withheld – –",
    (Thing.FENCES, Action.CHANGE): "yes – – – – – –",
    (Thing.CONSENTS, Action.READ): "yes – yes – – – –",
    (Thing.CONSENTS, Action.CHANGE): "yes – – – – – –",
    (Thing.CONSENTS, Action.MOVE): "yes – yes – – – –",
    (Thing.VISITS, Action.READ): "yes – yes withheld withheld – –",
    (Thing.VISITS, Action.CHANGE): "yes – yes withheld – – –",
    (Thing.VISITING, Action.READ): "yes – yes withheld – – –",
    (Thing.VISITING, Action.MOVE): "yes – yes – – – –",
    (Thing.VISITING, Action.CHANGE): "yes – – – – – –",
    (Thing.MEDICATION, Action.READ): "yes – yes – withheld – –",
    (Thing.MEDICATION, Action.CHANGE): "yes – yes – withheld – –",
    (Thing.COMMANDS, Action.READ): "yes – yes – – – –",
    (Thing.COMMANDS, Action.CHANGE): "yes – yes – – – –",
    (Thing.BEDS, Action.READ): "yes – yes – – – –",
    (Thing.BEDS, Action.CHANGE): "yes – yes – – – –",
    (Thing.CAMERAS, Action.READ): "yes – yes – – – –",
    (Thing.CAMERAS, Action.CHANGE): "yes – – – – – –",
    (Thing.CAMERA_VIEWS, Action.OPEN): "yes – yes – – – –",
    (Thing.MAP, Action.READ): "withheld withheld withheld – – – –",
    (Thing.POSITION, Action.OPEN): "yes – – – – – –",
    (Thing.EXCHANGE, Action.READ): "withheld – withheld – – – –",
    (Thing.EXCHANGE, Action.MOVE): "yes – yes – – – –",
    (Thing.EXCHANGE, Action.CHANGE): "yes – – – – – –",
    (Thing.WEBHOOKS, Action.READ): "yes – – – – – –",
    (Thing.WEBHOOKS, Action.CHANGE): "yes – – – – – –",
    (Thing.COVERS, Action.READ): "yes withheld yes – withheld – –",
    (Thing.COVERS, Action.CHANGE): "yes – yes – – – –",
    (Thing.DRILLS, Action.READ): "yes – yes – withheld – –",
    (Thing.DRILLS, Action.CHANGE): "yes – yes – – – –",
    (Thing.SERVICES, Action.READ): "yes – yes – withheld – –",
    (Thing.SERVICES, Action.CHANGE): "yes – yes – withheld – –",
    (Thing.RESPONDERS, Action.READ): "yes – yes – – – –",
    (Thing.RESPONDERS, Action.CHANGE): "yes – yes – – – –",
    (Thing.QUARANTINE, Action.READ): "yes – yes – – – –",
    (Thing.QUARANTINE, Action.CHANGE): "yes – – – – – –",
    (Thing.FAMILY, Action.READ): "– – – – withheld – –",
    (Thing.FAMILY, Action.CHANGE): "– – – – withheld – –",
    (Thing.ACCOUNTS, Action.READ): "yes – – – – – –",
    (Thing.ACCOUNTS, Action.CHANGE): "yes – – – – – –",
    (Thing.IMPORTS, Action.CHANGE): "yes – – – – – –",
    (Thing.TRAILS, Action.READ): "yes – – – – withheld –",
    (Thing.PERSON, Action.READ): "yes – – – – – –",
    (Thing.PERSON, Action.CHANGE): "yes – – – – – –",
}
TABLE: Mapping[tuple[Thing, Action], Mapping[Role, Decision]] = MappingProxyType(
    {key: dict(zip(Role, (_WORDS[word] for word in row.split()), strict=True)) for key, row in _TABLE.items()}
)

#: By what people, and all that is theirs, are reached; an alert may be shared without its elder being.
_TIES = {
    Role.ADMINISTRATOR: {Tie.WITHIN, Tie.SHARED},
    Role.OPERATOR: {Tie.WITHIN, Tie.SHARED},
    Role.SUPERVISOR: {Tie.CLIMBED},
    Role.CAREGIVER: {Tie.THEIR_ELDER},
}
#: What names nobody is reached by organisation.
NAMES_NOBODY = frozenset(
    {Thing.OWN, Thing.ORGANIZATIONS, Thing.REPORTS, Thing.RULES, Thing.ESCALATION, Thing.TRAILS, Thing.FAMILY}
)
#: Only an alert is shared: of its elder's record, devices and readings the others see nothing.
_SHARED = frozenset({Thing.ALERTS, Thing.LIVE, Thing.HANDOVER, Thing.CAMERA_VIEWS})


def allows(role: str, thing: Thing, action: Action) -> Decision:
    """What a role may, at best: whatever it is tied to. A role or an action that is not in the table may nothing."""
    row = TABLE.get((thing, action), {})
    return next((decision for name, decision in row.items() if name == role), Decision.REFUSED)


def decide(role: str, tie: Tie, thing: Thing, action: Action) -> Decision:
    """Of one thing with this tie to the caller."""
    if tie is Tie.SHARED and thing not in _SHARED:
        return Decision.REFUSED
    tied = tie in (Tie.WITHIN, Tie.THEIR_ELDER) if thing in NAMES_NOBODY else tie in ties_of(role)
    return allows(role, thing, action) if tied else Decision.REFUSED


def ties_of(role: str) -> frozenset[Tie]:
    """By what a role reaches people."""
    return next((frozenset(ties) for name, ties in _TIES.items() if name == role), frozenset())


def may(role: str, thing: Thing, action: Action) -> bool:
    return allows(role, thing, action) is not Decision.REFUSED
