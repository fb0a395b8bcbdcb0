import socket
from collections.abc import Iterator

import pytest

from services.demo.errors import DemoError
from services.demo.ports import choose_port


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_usual_port_when_it_is_free(port: int) -> None:
    assert choose_port(None, port, "--http-port") == port


def test_the_next_free_one_when_the_usual_is_taken(taken: int) -> None:
    assert taken < choose_port(None, taken, "--http-port") < taken + 100


def test_a_port_that_is_given_away_already_counts_as_taken(port: int) -> None:
    assert choose_port(None, port, "--mqtt-port", frozenset({port})) > port
    with pytest.raises(DemoError, match=f"--mqtt-port {port} is also the other port's"):
        choose_port(port, 1883, "--mqtt-port", frozenset({port}))


def test_a_taken_port_that_was_asked_for_is_refused(taken: int) -> None:
    with pytest.raises(
        DemoError, match=f"--http-port {taken}: something else listens on that port; stop what uses"
    ):
        choose_port(taken, 8000, "--http-port")


def test_zero_is_any_free_port() -> None:
    assert choose_port(0, 8000, "--http-port") > 1023


@pytest.mark.parametrize("asked", [-1, 65536])
def test_what_is_no_port_is_refused(asked: int) -> None:
    with pytest.raises(DemoError, match=f"--http-port {asked} is not a port"):
        choose_port(asked, 8000, "--http-port")
