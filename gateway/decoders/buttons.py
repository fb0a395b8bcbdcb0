"""When the press of a button is a call for help: one rule for every family. Pure."""

from gateway.decoders.model import Flaw, Reason

#: What a device is enrolled as that exists to call for help: whatever it says, it was touched.
BUTTON = "emergency_button"
#: Words that are a call for help whoever sends them.
CALLS = frozenset({"emergency", "sos", "panic", "alarm", "help"})
#: Words that are one from an emergency button.
PRESSES = frozenset({"single", "double", "triple", "quadruple", "hold", "long", "press", "on", "click"})


def is_call(action: object, kind: str | None, flaws: list[Flaw], field: str = "action") -> bool:
    """Whether a button's word is a call for help; `kind` is what it is enrolled as.

    An empty word is what follows a press when it is over. A press of what is not an emergency button is told, not
    raised: a wall switch says the same words.
    """
    if action is None or (isinstance(action, str) and not action.strip()):
        return False
    if not isinstance(action, str):
        flaws.append(Flaw(Reason.WRONG_TYPE, field, f"{field}: an action is a word, not {str(action)[:80]!r}"))
        return kind == BUTTON
    word = action.strip().lower()
    if word in CALLS:
        return True
    if kind != BUTTON:
        told = f"{field} {action[:80]!r} is a call only from what is enrolled as {BUTTON}"
        flaws.append(Flaw(Reason.UNKNOWN_TYPE, field, told))
        return False
    if word.partition("_")[0] not in PRESSES:
        # It exists to call for help, and it was touched.
        flaws.append(Flaw(Reason.UNKNOWN_TYPE, field, f"{field} {action[:80]!r} is not known: taken for a press"))
    return True
