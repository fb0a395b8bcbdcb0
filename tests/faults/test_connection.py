"""The gateway's MQTT connection at moments that a real broker passes too quickly."""

import queue
import threading
from collections.abc import Callable

import pytest

from gateway.message import Message
from gateway.mqtt import Inlet
from gateway.stream import Stream
from services.runtime.settings import Settings
from tests.faults.scripted import PUBACK, SUBSCRIBE, ScriptedBroker
from tests.parts.system import System


def each_to(came: queue.Queue[Message]) -> Callable[[list[Message]], None]:
    def deliver(messages: list[Message]) -> None:
        for message in messages:
            came.put(message)

    return deliver


@pytest.mark.parametrize("kind", [Inlet, Stream])
def test_an_acknowledgement_never_goes_to_another_connection_than_its_message_came_by(
    kind: type[Inlet] | type[Stream],
) -> None:
    """Packet ids begin anew with each session: on another connection it would acknowledge what nobody stored."""
    came: queue.Queue[Message] = queue.Queue()
    with ScriptedBroker() as broker:
        inlet = kind(Settings(mqtt_url=broker.url), "only-a-test", ["anhu/v1/+/up/events"], each_to(came))
        inlet.start()
        try:
            first = broker.next_call()
            first.accept()
            first.grant(first.receive()[1])
            first.publish(b"anhu/v1/watch-1/up/events", b"{}", packet_id=1)
            message = came.get(timeout=10)
            first.close()
            second = broker.next_call()
            inlet.acknowledge([message])  # the client has connected, and does not know yet that it is let in
            second.accept()
            kind, body = second.receive()
            assert kind != PUBACK, f"packet {body!r} of the first connection is acknowledged on the second"
            assert kind == SUBSCRIBE
            second.grant(body)
            second.publish(b"anhu/v1/watch-1/up/events", b"{}", packet_id=1)
            inlet.acknowledge([came.get(timeout=10)])
            assert second.receive() == (PUBACK, b"\x00\x01")
        finally:
            inlet.stop()


@pytest.mark.parametrize("kind", [Inlet, Stream])
def test_a_topic_that_is_no_text_does_not_end_the_network_thread(kind: type[Inlet] | type[Stream]) -> None:
    came: queue.Queue[Message] = queue.Queue()
    with ScriptedBroker() as broker:
        inlet = kind(Settings(mqtt_url=broker.url), "only-a-test", ["anhu/v1/+/up/events"], each_to(came))
        inlet.start()
        try:
            call = broker.next_call()
            call.accept()
            call.grant(call.receive()[1])
            call.publish(b"anhu/v1/\xff\xfe/up/events", b"{}", packet_id=1)
            call.publish(b"anhu/v1/watch-1/up/events", b"{}", packet_id=2)
            assert "UTF-8" in came.get(timeout=10).topic
            assert came.get(timeout=10).topic == "anhu/v1/watch-1/up/events"
        finally:
            inlet.stop()


def test_a_gateway_whose_network_thread_dies_ends_to_be_started_again(shared: System) -> None:
    """Alive, it would keep its slot and hear nothing."""
    no_name = "a" * 64  # a label may have 63: raised where paho expects an OSError
    shared.start("gateway-lost", ANHU_MQTT_URL=f"mqtt://{no_name}.invalid:1883")
    assert shared.processes.pop("gateway-lost").wait(30) == 1
    assert "has died" in shared.log("gateway-lost")


def test_a_stream_that_cannot_hand_over_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alive, it would hear nothing; its end ends the gateway, which is started again."""
    died: list[BaseException | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda death: died.append(death.exc_value))

    def fail(_messages: list[Message]) -> None:
        raise ValueError("no room")

    with ScriptedBroker() as broker:
        stream = Stream(Settings(mqtt_url=broker.url), "only-a-test", ["anhu/v1/+/up/readings"], fail)
        stream.start()
        call = broker.next_call()
        call.accept()
        call.grant(call.receive()[1])
        call.publish(b"anhu/v1/watch-1/up/readings", b"{}", packet_id=1)
        stream.join(10)
    assert [str(death) for death in died] == ["no room"]
