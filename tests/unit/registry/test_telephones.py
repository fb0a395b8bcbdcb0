"""Telephone numbers at rest and on screens. All of them invented."""

import pytest

from services.registry.sealing import Keys, KeysError, new_key
from services.registry.telephones import (
    UNREADABLE,
    is_sealed,
    kept_as_masked,
    marks,
    masked,
    opened,
    opened_or_raise,
    sealed,
    sealed_by,
    sealed_each,
    shown,
    sought,
)

OLD, NEW = new_key("old"), new_key("new")


def test_a_number_is_sealed_the_same_way_each_time() -> None:
    keys = Keys(NEW)
    stored = sealed(keys, "138 0000 0000")
    assert stored is not None
    assert is_sealed(stored)
    assert "138" not in stored
    assert stored == sealed(keys, "138 0000 0000")
    assert opened(keys, stored) == "138 0000 0000"
    assert sealed(keys, None) is None


def test_plain_numbers_are_read_and_without_keys_they_stay() -> None:
    assert opened(Keys(NEW), "023-00000011") == "023-00000011"
    assert sealed(Keys(""), "023-00000011") == "023-00000011"
    assert marks(Keys(""), "023-00000011") == []


def test_keys_are_changed_one_behind_the_other() -> None:
    before, between, after = Keys(OLD), Keys(f"{NEW},{OLD}"), Keys(NEW)
    stored = sealed(before, "13800000000")
    assert opened(between, stored) == "13800000000"
    assert stored in sealed_each(between, "13800000000")
    assert sealed_by(sealed(between, "13800000000") or "") == "new"
    assert set(marks(before, "13800000000")) & set(sought(between, "13800000000"))
    with pytest.raises(KeysError, match="lacks the key old"):
        opened_or_raise(after, stored)
    assert opened(after, stored) == UNREADABLE, "a card does not say that there is no number"


def test_what_was_tampered_with_does_not_open() -> None:
    keys = Keys(NEW)
    stored = sealed(keys, "13800000000") or ""
    assert opened(keys, stored[:-4] + ("AAAA" if not stored.endswith("AAAA") else "BBBB")) == UNREADABLE
    assert opened(keys, "~new:not base64!") == UNREADABLE


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        ("13800000000", "138****0000"),
        ("138 0000 0000", "138 **** 0000"),
        ("023-00000011", "023-****0011"),
        ("0230011", "*****11"),
        ("110", "*10"),
        (None, None),
        (UNREADABLE, UNREADABLE),
    ],
)
def test_masked(number: str | None, wanted: str | None) -> None:
    assert masked(number) == wanted


@pytest.mark.parametrize(
    ("number", "search", "found"),
    [
        ("138 0000 0077", "13800000077", True),
        ("+86 138 0000 0077", "13800000077", True),
        ("138 0000 0077", "0077", True),
        ("023-00990077", "02300990077", True),
        ("023-00990077", "00990077", True),
        ("138 0000 0077", "0000", False),
        ("138 0000 0077", "3800000077", False),
        ("12", "12", True),
    ],
)
def test_found_by_the_whole_number_or_its_end(number: str, search: str, found: bool) -> None:
    keys = Keys(NEW)
    assert bool(set(marks(keys, number)) & set(sought(keys, search))) is found


def test_a_row_is_shown_whole_or_masked() -> None:
    keys = Keys(NEW)
    row = {"name": "陈某", "phone": sealed(keys, "13800000000"), "contacts": [{"name": "某", "phone": "023-00000011"}]}
    assert shown(keys, row, whole=True)["phone"] == "13800000000"
    told = shown(keys, row, whole=False)
    assert (told["phone"], told["contacts"][0]["phone"]) == ("138****0000", "023-****0011")
    assert row["contacts"][0]["phone"] == "023-00000011", "the row itself is as it was"


def test_a_form_sends_back_what_it_was_shown() -> None:
    numbers = ["13800000000", "13811110000"]
    assert kept_as_masked("138****0000", numbers) == "13800000000"
    assert kept_as_masked("139****0000", numbers) == "139****0000"
    assert kept_as_masked("13900000000", numbers) == "13900000000"
