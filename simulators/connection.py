"""A virtual device on a real MQTT connection: says what the device has to say, hears the answers."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass

import aiomqtt

from simulators import payloads
from simulators.clock import SimulatedClock, steady
from simulators.device import VirtualDevice
from simulators.fleet_file import Broker
from simulators.mqtt import Client, RefusedError, subscribe, wait_any
from simulators.payloads import Receipt

ROOT = "anhu/v1"
KEEPALIVE_SECONDS = 60
ANSWER_SECONDS = 10.0  # to CONNECT, SUBSCRIBE or PUBLISH; then the connection counts as broken
GOODBYE_SECONDS = 5.0  # for what is left to say at the end


@dataclass(frozen=True)
class Backoff:
    """Seconds between attempts: doubling, cut by up to a half so that a fleet comes back spread."""

    first: float = 0.5
    longest: float = 15.0

    def after(self, failures: int) -> float:
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 16)) * random.uniform(0.5, 1)


@dataclass
class Turns:
    """What the devices of a fleet take turns at: if all did it at once, some would run out of time."""

    connect: "Gate"
    goodbye: asyncio.Semaphore


class Gate:
    """Lets at most so many connections begin in a second."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._next = 0.0

    def wait(self, now: float) -> float:
        """Seconds to wait for one's turn, which is taken by asking."""
        turn = max(now, self._next)
        self._next = turn + self._interval
        return turn - now


@dataclass(frozen=True)
class Manners:
    """How a device uses its connection."""

    client_id_prefix: str = "sim-"
    lasting: bool = True
    """Leave the session with the broker at the end, so that the next run gets what came in between."""
    announces: bool = True
    """Publish `up/status` and set the will. A second connection must not: it would speak for the first."""
    backoff: Backoff = Backoff()


def no_listener(device: VirtualDevice, receipt: Receipt) -> None:
    pass


class Connection:
    """`listener` is called for each receipt, `on_send` before each send of an event (device_id, event_id)."""

    def __init__(
        self,
        device: VirtualDevice,
        password: str,
        broker: Broker,
        clock: SimulatedClock,
        turns: Turns,
        *,
        manners: Manners | None = None,
        listener: Callable[[VirtualDevice, Receipt], None] = no_listener,
        on_send: Callable[[str, str], None] = lambda device_id, event_id: None,
        complain: Callable[[str, str], None] = lambda device_id, trouble: None,
    ) -> None:
        self.device = device
        self.up = asyncio.Event()
        self.tried = asyncio.Event()
        """The first attempt to connect is over, for better or worse."""
        self.trouble: str | None = None
        """Why the last attempt failed or the last connection ended."""
        self._password = password
        self._broker = broker
        self._clock = clock
        self._turns = turns
        self._manners = manners or Manners()
        self._listener = listener
        self._on_send = on_send
        self._complain = complain
        self._client_id = self._manners.client_id_prefix + device.device_id
        self._base = f"{ROOT}/{device.device_id}/"
        self._status = self._base + "up/status"
        self._events = asyncio.Event()
        self._rest = asyncio.Event()
        self._leave = asyncio.Event()
        self._enter = asyncio.Event()
        self._enter.set()
        self._closing = False
        self._accepted = False
        self._has_session = False
        self._client: Client | None = None

    # What others may ask for ----------------------------------------------------------------------------

    def wake(self) -> None:
        """The device has something new to say."""
        self._events.set()
        self._rest.set()

    def go_offline(self, *, cut: bool = False) -> None:
        """Leave with a goodbye, or break off; stay away until `go_online`."""
        self._enter.clear()
        if cut and self._client is not None:
            self._client.cut()
        else:
            self._leave.set()

    def go_online(self) -> None:
        self._leave.clear()
        self._enter.set()

    def close(self) -> None:
        """Say what is left, leave, and let `run` return."""
        self._closing = True
        self._leave.set()
        self._enter.set()

    # The life of a connection ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Until `close`: any trouble with the broker is waited out, however long it lasts."""
        failures = 0
        while not self._closing:
            await self._enter.wait()
            if (turn := self._turns.connect.wait(steady())) > 0:
                await wait_any(self._leave, seconds=turn)
            if self._leave.is_set():
                continue
            self._accepted = False
            try:
                await self._converse()
                failures = 0
            except (aiomqtt.MqttError, OSError, RefusedError) as error:
                failures = 1 if self._accepted else failures + 1
                self.tried.set()
                if self._enter.is_set() and not self._closing:
                    self._note(error)
                    await wait_any(self._leave, seconds=self._manners.backoff.after(failures))
        if self._has_session and not self._manners.lasting:
            await self._drop_session()

    async def _converse(self) -> None:
        """From the connection to the goodbye. Raises what broke it."""
        will = aiomqtt.Will(self._status, payloads.status(False, self._clock.now()), qos=1, retain=True)
        async with self._new_client(will if self._manners.announces else None, clean_session=False) as client:
            self._accepted = self._has_session = True
            self._client = client
            try:
                await client.unless_broken(self._greet(client))
                self.trouble = None
                self.up.set()
                self.tried.set()
                await client.unless_broken(self._say_events(client), self._say_rest(client), beside=self._hear(client))
            finally:
                self._client = None
                self.up.clear()
            async with self._turns.goodbye, asyncio.timeout(GOODBYE_SECONDS):
                await client.unless_broken(self._say_goodbye(client))

    async def _greet(self, client: Client) -> None:
        await subscribe(client, self._base + "down/receipts")
        await subscribe(client, self._base + "down/commands")
        await self._announce(client, online=True)

    async def _say_goodbye(self, client: Client) -> None:
        await self._say_due_events(client)
        await self._say_waiting(client)
        await self._announce(client, online=False)

    async def _announce(self, client: Client, *, online: bool) -> None:
        if self._manners.announces:
            payload = payloads.status(online, self._clock.now())
            await client.publish(self._status, payload, qos=1, retain=True)

    # Events have a task of their own: an SOS does not wait behind an upload of readings. Both end when the
    # device is to leave, and not in the middle of a message, which would then have to be sent twice.

    async def _say_events(self, client: Client) -> None:
        while not self._leave.is_set():
            self._events.clear()
            await self._say_due_events(client)
            due = self.device.outbox.next_due()
            seconds = None if due is None else max(0.0, due - steady())
            await wait_any(self._events, self._leave, seconds=seconds)

    async def _say_due_events(self, client: Client) -> None:
        outbox = self.device.outbox
        for event in outbox.due(steady()):
            if event.event_id not in outbox:  # settled while the one before it was being sent
                continue
            # Noted before the send: a receipt may overtake the broker's own acknowledgement.
            outbox.sent(event.event_id, steady())
            self._on_send(self.device.device_id, event.event_id)
            try:
                await client.publish(self._base + "up/events", event.payload, qos=1)
            except BaseException:
                outbox.failed(event.event_id, steady())
                raise

    async def _say_rest(self, client: Client) -> None:
        while not self._leave.is_set():
            self._rest.clear()
            await self._say_waiting(client)
            await wait_any(self._rest, self._leave, seconds=None)

    async def _say_waiting(self, client: Client) -> None:
        while self.device.messages:
            message = self.device.messages[0]
            await client.publish(self._base + message.leaf, message.payload, qos=1)
            self.device.messages.popleft()
        while self.device.backlog:
            mark, batch = self.device.backlog.next_upload()
            await client.publish(self._base + "up/readings", payloads.readings(batch), qos=1)
            self.device.backlog.uploaded(mark)

    async def _hear(self, client: Client) -> None:
        async for message in client.messages:
            match message.topic.value.removeprefix(self._base):
                case "down/receipts":
                    try:
                        receipt = self.device.receipt(message.payload)
                    except ValueError as error:
                        self._complain(self.device.device_id, str(error))
                    else:
                        self._listener(self.device, receipt)
                case "down/commands":
                    self.device.command(message.payload, self._clock.now(), steady())
                    self._rest.set()
                    self._events.set()

    def _new_client(self, will: aiomqtt.Will | None, *, clean_session: bool) -> Client:
        return Client(
            self._broker.host,
            self._broker.port,
            username=self.device.device_id,
            password=self._password,
            identifier=self._client_id,
            will=will,
            clean_session=clean_session,
            timeout=ANSWER_SECONDS,
            keepalive=KEEPALIVE_SECONDS,
            tls_context=self._broker.tls,
        )

    async def _drop_session(self) -> None:
        """Connect once more, cleanly: else the broker keeps a queue for a client that never comes back."""
        with contextlib.suppress(aiomqtt.MqttError, OSError):
            async with asyncio.timeout(GOODBYE_SECONDS), self._new_client(None, clean_session=True):
                pass

    def _note(self, error: Exception) -> None:
        trouble = str(error)
        if trouble != self.trouble:
            self._complain(self.device.device_id, trouble)
        self.trouble = trouble
