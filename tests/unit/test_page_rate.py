"""How often a page without a sign-in may ask."""

from services.api.rate import Rate


def test_so_many_in_each_stretch_for_each_key() -> None:
    now = [100.0]
    rate = Rate(2, 60, lambda: now[0])
    assert [rate.refuses("a") for _ in range(3)] == [None, None, 60]
    assert rate.refuses("b") is None
    now[0] += 59
    assert rate.refuses("a") == 1
    now[0] += 1
    assert rate.refuses("a") is None
