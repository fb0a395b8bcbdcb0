"""How often it was none: in words, and drawn towards what is known of all."""

import pytest

from alerts.domain.false_alarms import Closed, Whose, rate, sentence


def test_what_an_operator_reads() -> None:
    twelve = Closed(12, 11)
    assert sentence(Whose.MODEL, "W100", "fall", twelve) == "该型号设备（W100）近 90 天 12 次跌倒报警，11 次为误报"
    assert sentence(Whose.ELDER, "", "sos", Closed(3, 0)) == "本人近 90 天 3 次求助报警，0 次为误报"
    assert sentence(Whose.ELDER, "", "rule.spo2_low", Closed(2, 2)) is None, "two say nothing"


@pytest.mark.parametrize(
    ("own", "of_all", "expected"),
    [
        (Closed(), Closed(), 0.5),
        (Closed(1, 1), Closed(), 0.583),  # one closing moves it little
        (Closed(12, 11), Closed(), 0.794),
        (Closed(), Closed(95, 85), 0.875),  # nothing is known of them: as all
        (Closed(100, 2), Closed(95, 85), 0.061),  # and their own outweighs it
    ],
)
def test_few_closings_do_not_mislead(own: Closed, of_all: Closed, expected: float) -> None:
    assert rate(own, of_all) == expected
