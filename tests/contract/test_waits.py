"""What the contract says of elapsed time, really waited for. All waits run at once, beside the other tests: the
fixture `elapsing` (conftest.py) starts them with the session, and the tests here ask what became of each."""

from concurrent.futures import Future

import pytest

from tests.contract.waits import WAITS

Waits = dict[str, "Future[None]"]


@pytest.mark.parametrize("wait", list(WAITS))
def test_after(elapsing: Waits, wait: str) -> None:
    elapsing[wait].result(timeout=110)
