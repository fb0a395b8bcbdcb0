"""A broker that does exactly what a test says, packet by packet: for moments that a real one passes too quickly."""

import socket
import struct
from types import TracebackType
from typing import Self

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9


class Call:
    """One client's connection. Packets are (type, body)."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        connection.settimeout(15)

    def receive(self) -> tuple[int, bytes]:
        first = self._exactly(1)[0]
        length, shift = 0, 0
        while True:
            byte = self._exactly(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return first >> 4, self._exactly(length)

    def send(self, kind: int, body: bytes, flags: int = 0) -> None:
        assert len(body) < 128
        self._connection.sendall(bytes([kind << 4 | flags, len(body)]) + body)

    def accept(self) -> None:
        """CONNECT was received: let the client in."""
        self.send(CONNACK, bytes([0, 0]))

    def grant(self, subscribe: bytes, filters: int = 1) -> None:
        self.send(SUBACK, subscribe[:2] + bytes([1] * filters))

    def publish(self, topic: bytes, payload: bytes, packet_id: int) -> None:
        self.send(PUBLISH, struct.pack("!H", len(topic)) + topic + struct.pack("!H", packet_id) + payload, flags=2)

    def close(self) -> None:
        self._connection.close()

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            more = self._connection.recv(count - len(found))
            if not more:
                raise ConnectionError("the client left")
            found += more
        return found


class ScriptedBroker:
    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(15)
        self._calls: list[Call] = []

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"

    def next_call(self) -> Call:
        """Waits for a client and its CONNECT, which is not answered yet."""
        call = Call(self._listener.accept()[0])
        self._calls.append(call)
        if call.receive()[0] != CONNECT:  # any broker hangs up on that, and the client calls again
            call.close()
            return self.next_call()
        return call

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for call in self._calls:
            call.close()
        self._listener.close()
