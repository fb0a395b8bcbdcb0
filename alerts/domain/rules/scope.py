"""Which rules hold for a person, how severe they are there, and under which title. Pure."""

from collections.abc import Iterable
from typing import TypeVar

from alerts.domain.alert import Severity
from alerts.domain.rules.model import Mode, Rule, Scope, Subject

Key = TypeVar("Key")

RESCUE = "紧急救援"
_RESCUE_PREFIX = f"{RESCUE} · "


def covers(scope: Scope, subject: Subject) -> bool:
    """All that is given fits: of ability levels the person's own is among them, of care categories at least one."""
    return (
        (scope.elder_id is None or scope.elder_id == subject.elder_id)
        and (scope.organization_id is None or scope.organization_id in subject.organization_path)
        and (not scope.ability_levels or subject.ability_level in scope.ability_levels)
        and (not scope.care_categories or not scope.care_categories.isdisjoint(subject.care_categories))
    )


def in_force(rules: Iterable[Rule], subject: Subject) -> list[Rule]:
    """What holds for the person, in the order of keys: of each key the most particular rule.

    `rules` are the current versions of all rules. One that is off holds as any other does, and by that hides the less
    particular: so a rule is taken from one person. But never one that is red there: its limit may be set for a person,
    by a rule of their own, and not be taken away. Of those that are only tried (shadow), the most particular of a key
    is evaluated beside the one in force, unless one that is off is more particular still: then the trial shows what
    would be.
    """
    found: dict[tuple[str, bool], Rule] = {}
    red: dict[str, Rule] = {}
    for rule in rules:
        if not covers(rule.scope, subject):
            continue
        # One that is off stands against both.
        for shadow in (False, True):
            if rule.mode is Mode.OFF or (rule.mode is Mode.SHADOW) is shadow:
                _take(found, (rule.key, shadow), rule, subject)
        if rule.mode is Mode.LIVE and severity_for(rule, subject) is Severity.RED:
            _take(red, rule.key, rule, subject)
    for key, rule in red.items():
        if found[key, False].mode is Mode.OFF:
            found[key, False] = rule
    return [rule for _, rule in sorted(found.items(), key=lambda item: item[0]) if rule.mode is not Mode.OFF]


def _take(found: dict[Key, Rule], key: Key, rule: Rule, subject: Subject) -> None:
    before = found.get(key)
    if before is None or _particular(rule, subject) > _particular(before, subject):
        found[key] = rule


def severity_for(rule: Rule, subject: Subject) -> Severity:
    """Of the contexts the first that fits, else the rule's own."""
    fits = (context.severity for context in rule.severity_when if covers(context.scope, subject))
    return next(fits, rule.severity)


def title_for(rule: Rule, subject: Subject) -> str:
    """The title begins with 紧急救援 exactly when the alert is red, whatever the rule's own severity is."""
    red = severity_for(rule, subject) is Severity.RED
    if red is rule.title.startswith(RESCUE):
        return rule.title
    return _RESCUE_PREFIX + rule.title if red else rule.title.removeprefix(_RESCUE_PREFIX)


def _particular(rule: Rule, subject: Subject) -> tuple[int, int, int, int, int]:
    """Elder, care category, ability level, organisation from the nearest, everyone; of equals the one with more
    conditions, then the nearer organisation, the higher version, the greater id."""
    scope = rule.scope
    given = (scope.elder_id is not None, bool(scope.care_categories), bool(scope.ability_levels))
    depth = 0 if scope.organization_id is None else 1 + subject.organization_path.index(scope.organization_id)
    rank = next((4 - place for place, there in enumerate(given) if there), 1 if depth else 0)
    return (rank, sum(given) + bool(depth), depth, rule.version, rule.id.int)
