"""A worker that also sends over the broker: it holds a connection of its own, and opens it again while it is away."""

import asyncio
import logging
from abc import abstractmethod
from functools import partial

import aiomqtt
import anyio

from alerts.deliver import mqtt_client
from alerts.worker import Connection, Worker, Works
from services.runtime.settings import Settings

log = logging.getLogger(__name__)


class Sender(Worker):
    #: what it sends, as its log and its task call it
    sends: str

    def __init__(self, settings: Settings, channels: tuple[str, ...], counted: tuple[str, ...]) -> None:
        super().__init__(settings, channels, counted)
        self.mqtt_ok = False

    @property
    def mqtt_words(self) -> str:
        return "connected" if self.mqtt_ok else "disconnected"

    @abstractmethod
    async def send_over(self, client: aiomqtt.Client, connection: Connection, works: Works) -> None:
        """Sends what there is to send, without end."""

    async def beside(self) -> None:
        told = False
        while True:
            try:
                async with mqtt_client(self.settings) as client, anyio.create_task_group() as tasks:
                    log.info("connected to the broker")
                    told, self.mqtt_ok = False, True
                    tasks.start_soon(_until_disconnected, client)
                    tasks.start_soon(self.with_database, self.sends, partial(self.send_over, client))
            except* aiomqtt.MqttError as errors:
                if not told:
                    log.error("the broker is away, %s wait: %s", self.sends, errors.exceptions[0])
                told, self.mqtt_ok = True, False
            await asyncio.sleep(1)


async def _until_disconnected(client: aiomqtt.Client) -> None:
    """Nothing is subscribed to: this ends, with an error, when the connection does."""
    async for message in client.messages:
        log.warning("an unexpected message on %s", message.topic)
