"""A link opens for whom it was sent to, and nobody makes one."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry import links

KEY = "only for tests: a key of more than 32 characters"


@given(st.uuids())
def test_a_link_names_its_notice_and_fits_an_sms(notice: UUID) -> None:
    token = links.sign(KEY, notice)
    assert len(token) == 38
    assert links.read(KEY, token) == notice
    assert links.read(KEY + "!", token) is None


@pytest.mark.parametrize("token", ["", "a", "a" * 38, "é" * 38, "-" * 400, "%00", "a b"])
def test_what_we_did_not_make_opens_nothing(token: str) -> None:
    assert links.read(KEY, token) is None


@given(st.uuids(), st.integers(0, 37), st.sampled_from("ABCDwxyz0189-_"))
def test_a_changed_link_opens_nothing(notice: UUID, place: int, other: str) -> None:
    token = links.sign(KEY, notice)
    changed = token[:place] + other + token[place + 1 :]
    # Its last character has bits that mean nothing.
    assert changed[:37] == token[:37] or links.read(KEY, changed) is None
