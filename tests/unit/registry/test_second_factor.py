"""Codes of the second factor, by the vectors of RFC 6238 and the clock as an argument."""

from datetime import UTC, datetime, timedelta

import pytest

from services.registry.second_factor import (
    RECOVERY_CODES,
    STEP,
    new_recovery_codes,
    recovery_hash,
    step_of,
    uri_of,
    written,
)

SECRET = b"12345678901234567890"  # RFC 6238, appendix B


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_the_codes_of_rfc_6238(seconds: int, code: str) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    assert step_of(SECRET, code, now, 0) == seconds // STEP
    assert step_of(SECRET, code, now + timedelta(seconds=STEP), 0) == seconds // STEP, "a clock that is a step away"
    assert step_of(SECRET, code, now + timedelta(seconds=3 * STEP), 0) is None
    assert step_of(SECRET, code, now, seconds // STEP) is None, "taken already"


@pytest.mark.parametrize("code", ["", "287083", "28708", "2870822", "２８７０８２", "\x00", "a" * 40])
def test_what_is_no_code(code: str) -> None:
    assert step_of(SECRET, code, datetime.fromtimestamp(59, UTC), 0) is None


def test_recovery_codes_are_all_different_and_forgive_how_they_are_typed() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == RECOVERY_CODES
    assert recovery_hash(codes[0].upper().replace("-", " ")) == recovery_hash(codes[0])


def test_how_an_app_is_told() -> None:
    uri = uri_of(SECRET, "admin")
    assert uri.startswith("otpauth://totp/Anhu:admin?")
    assert written(SECRET) in uri
