"""The load of `make bench BENCH=ingest`: many virtual devices over few connections, as fast as it is allowed.

It writes MQTT packets that it has put together beforehand and counts acknowledgements by their length, so that it takes
little of the cores that it shares with what is measured. It understands nothing, and is no client for anything else.
"""

import select
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.sharedctypes import Synchronized
from typing import Any

#: Publishes of one connection that the broker has not acknowledged.
WINDOW = 2000
CHUNK = 250
_READING = (
    b'{"ts":"%b","seq":%d,"heart_rate":72,"spo2":97,"body_temperature":36.5,'
    b'"steps":1234,"worn":true,"battery":83,"rssi":-97}'
)


@dataclass(frozen=True)
class Load:
    """What is sent: each message is a reading, or an array of `array` readings, of the next device: one of `devices` of
    the benchmark's own, or of `names`, which must be of one length."""

    host: str
    port: int
    username: str
    password: str
    devices: int = 0
    names: tuple[str, ...] = ()
    array: int = 1
    connections: int = 4
    #: at most so many messages a second; None is as fast as `allowed` lets it
    rate: float | None = None


def device_id(number: int) -> str:
    return f"bench-{number:06}"


def reading_bytes(seq: int) -> bytes:
    """One reading of now."""
    return _body(1, seq)


def send(
    load: Load,
    seconds: float,
    allowed: "Synchronized[int]",
    sent: "Synchronized[int]",
    cpu_seconds: "Synchronized[float]",
) -> None:
    """Sends for so long, never more than `allowed` messages in all; tells how many it sent and what CPU it took. Ends
    when the broker has acknowledged every one."""
    links = [_Link(load, number) for number in range(load.connections)]
    messages = _messages(load)
    count = 0
    begun = time.perf_counter()
    while (passed := time.perf_counter() - begun) < seconds:
        most = allowed.value if load.rate is None else min(allowed.value, int(load.rate * passed))
        ready = False
        for link in links:
            if link.unacknowledged <= WINDOW - CHUNK and count + CHUNK <= most:
                link.publish(messages)
                count += CHUNK
                ready = True
            link.take_acknowledgements()
        sent.value = count
        if not ready:
            time.sleep(0.002)
    for link in links:
        link.finish()
    cpu_seconds.value = time.process_time()


def _messages(load: Load) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(head, topic, payload) of each packet, for ever: all devices in turn, then again with the next `seq`."""
    names = load.names or tuple(map(device_id, range(load.devices)))
    topics = [f"anhu/v1/{name}/up/readings".encode() for name in names]
    seq = 0
    while True:
        body = _body(load.array, seq)
        seq += load.array
        lengths = struct.pack("!H", len(topics[0]))
        head = b"\x32" + _length(2 + len(topics[0]) + 2 + len(body)) + lengths
        for topic in topics:
            yield head, topic, body


def _body(array: int, seq: int) -> bytes:
    """Readings of now; `seq` makes each a device's only one of its name."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").encode()
    items = [_READING % (now, seq + place) for place in range(array)]
    return items[0] if array == 1 else b"[" + b",".join(items) + b"]"


def _length(number: int) -> bytes:
    """MQTT's variable byte integer."""
    out = bytearray()
    while True:
        number, low = divmod(number, 128)
        out.append(low | (128 if number else 0))
        if not number:
            return bytes(out)


class _Link:
    """One connection."""

    _IDS = tuple(struct.pack("!H", number) for number in range(1, 65536))

    def __init__(self, load: Load, number: int) -> None:
        self.unacknowledged = 0
        self._next_id = 0
        self._half = 0
        self._socket = socket.create_connection((load.host, load.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        flags = 0xC2 if load.username else 0x02
        parts = ["MQTT", f"load-{number}", *([load.username, load.password] if load.username else [])]
        protocol, *rest = (struct.pack("!H", len(part)) + part.encode() for part in parts)
        connect = protocol + bytes([4, flags]) + struct.pack("!H", 0) + b"".join(rest)
        self._socket.sendall(b"\x10" + _length(len(connect)) + connect)
        answer = self._socket.recv(4)
        assert answer[3:] == b"\0", f"the broker refuses the load's account: {answer!r}"

    def fileno(self) -> int:
        return self._socket.fileno()

    def publish(self, messages: Iterator[tuple[bytes, bytes, bytes]]) -> None:
        parts: list[bytes] = []
        place = self._next_id
        for packet_id in self._IDS[place : place + CHUNK]:
            head, topic, body = next(messages)
            parts += (head, topic, packet_id, body)
        sent = len(parts) // 4
        self._next_id = (place + sent) % len(self._IDS)
        self.unacknowledged += sent
        self._socket.sendall(b"".join(parts))
        if sent < CHUNK:  # the ids began again
            for packet_id in self._IDS[: CHUNK - sent]:
                head, topic, body = next(messages)
                self._socket.sendall(b"".join((head, topic, packet_id, body)))
            self._next_id = CHUNK - sent
            self.unacknowledged += CHUNK - sent

    def take_acknowledgements(self) -> None:
        try:
            taken = self._socket.recv(1 << 18, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        assert taken, "the broker closed the load's connection"
        # Nothing but PUBACKs comes, of four bytes each.
        acknowledged, self._half = divmod(self._half + len(taken), 4)
        self.unacknowledged -= acknowledged

    def finish(self) -> None:
        while self.unacknowledged > 0:
            assert select.select([self], [], [], 30)[0], "the broker acknowledges no more"
            self.take_acknowledgements()
        self._socket.sendall(b"\xe0\x00")
        self._socket.close()


def acknowledge_only(
    host: str, port: int, username: str, password: str, topic: str, taken: "Synchronized[int]", ended: Any
) -> None:
    """The peer of a gateway that does nothing: a subscriber that acknowledges. Leaves the session clean."""
    link = socket.create_connection((host, port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    parts = [struct.pack("!H", len(part)) + part.encode() for part in ("acknowledge-only", username, password)]
    connect = b"\0\4MQTT\4\xc2\0\0" + b"".join(parts)
    link.sendall(b"\x10" + _length(len(connect)) + connect)
    assert link.recv(4)[3:] == b"\0", "the broker refuses the subscriber's account"
    name = topic.encode()
    subscribe = struct.pack("!HH", 1, len(name)) + name + b"\1"
    link.sendall(b"\x82" + _length(len(subscribe)) + subscribe)
    assert link.recv(5)[4:] == b"\1", "the broker refuses the subscription"
    waiting = b""
    link.settimeout(0.2)
    while not ended.is_set():
        try:
            waiting += link.recv(1 << 18)
        except TimeoutError:
            continue
        place, answers = 0, []
        while (found := _publish(waiting, place)) is not None:
            packet_id, place = found
            answers.append(b"\x40\x02" + packet_id)
        waiting = waiting[place:]
        link.sendall(b"".join(answers))
        taken.value += len(answers)
    link.sendall(b"\xe0\x00")
    link.close()


def _publish(data: bytes, place: int) -> tuple[bytes, int] | None:
    """(packet id, where the next packet begins) of the QoS 1 publish at `place`, once it is whole."""
    length, shift, start = 0, 0, place + 1
    while start < len(data):
        length |= (data[start] & 127) << shift
        shift += 7
        start += 1
        if not data[start - 1] & 128:
            break
    else:
        return None
    if start + length > len(data):
        return None
    topic_end = start + 2 + int.from_bytes(data[start : start + 2], "big")
    return data[topic_end : topic_end + 2], start + length
