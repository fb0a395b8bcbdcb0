"""Where channels lead, at rest. All numbers invented."""

import pytest
from uuid_utils.compat import uuid7

from services.registry.channel_targets import (
    UNREADABLE,
    fingerprint_of_row,
    fingerprints,
    opened,
    sealed,
    service_at_rest,
    service_shown,
)
from services.registry.sealing import NO_KEYS, Keys, KeysError, new_key

OLD, NEW = new_key("old"), new_key("new")
SMS = {"gateway": "sms", "to": "13900000001"}
HOOK = {"url": "https://hooks.example.org/x", "secret": "between two"}


def row(keys: Keys, value: dict[str, str], kind: str = "gateway", service: str = "139…0001") -> dict[str, object]:
    plain, secret = sealed(keys, value)
    target = None if plain is None else value
    return {"kind": kind, "target": target, "target_sealed": secret, "service": service}


def test_a_target_is_sealed_and_opened_and_without_keys_it_is_plain() -> None:
    keys = Keys(NEW)
    plain, secret = sealed(keys, SMS)
    assert plain is None
    assert secret is not None
    assert b"1390000" not in secret
    assert opened(keys, row(keys, SMS)) == SMS
    assert sealed(NO_KEYS, SMS) == ('{"gateway": "sms", "to": "13900000001"}', None)
    assert opened(keys, row(NO_KEYS, SMS)) == opened(NO_KEYS, row(NO_KEYS, SMS)) == SMS, "from before there were keys"


def test_without_its_key_it_does_not_open_and_says_which_is_missing() -> None:
    stored = row(Keys(OLD), HOOK, "webhook", "hooks.example.org")
    assert opened(Keys(f"{NEW},{OLD}"), stored) == HOOK
    for keys in (Keys(NEW), NO_KEYS):
        with pytest.raises(KeysError, match="lacks the key old"):
            opened(keys, stored)
    with pytest.raises(KeysError, match="another key has that name now"):
        opened(Keys(new_key("old")), stored)


def test_a_fingerprint_is_keyed_and_known_by_every_key_and_from_before() -> None:
    (plain,) = fingerprints(NO_KEYS, "gateway", SMS)
    before, between = fingerprints(Keys(OLD), "gateway", SMS), fingerprints(Keys(f"{NEW},{OLD}"), "gateway", SMS)
    assert before[1:] == [plain]
    assert between[1:] == before
    assert between[0] == fingerprints(Keys(NEW), "gateway", SMS)[0] != before[0]
    assert fingerprints(Keys(NEW), "webhook", HOOK) == fingerprints(Keys(NEW), "webhook", HOOK | {"secret": "another"})
    assert fingerprints(Keys(NEW), "gateway", SMS | {"gateway": "voice"})[0] != between[0]
    keys, one = Keys(NEW), uuid7()
    own = fingerprint_of_row(keys, "gateway", SMS, one)
    assert own not in between
    assert own == fingerprint_of_row(keys, "gateway", SMS, one) != fingerprint_of_row(keys, "gateway", SMS, uuid7())


def test_the_ends_of_a_number_are_shown_and_not_kept() -> None:
    keys = Keys(NEW)
    assert service_at_rest(keys, "gateway", SMS, "139…0001") == "sms"
    assert service_at_rest(NO_KEYS, "gateway", SMS, "139…0001") == "139…0001"
    assert service_at_rest(keys, "webhook", HOOK, "hooks.example.org") == "hooks.example.org"
    stored = row(keys, SMS, service="sms")
    assert service_shown(keys, stored) == "139…0001"
    assert service_shown(NO_KEYS, stored) == UNREADABLE
    assert service_shown(NO_KEYS, row(NO_KEYS, SMS)) == "139…0001"
    assert service_shown(NO_KEYS, row(keys, HOOK, "webhook", "hooks.example.org")) == "hooks.example.org"
