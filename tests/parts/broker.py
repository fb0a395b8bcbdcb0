"""A real Mosquitto with our passwords and rights, that a test may stop, start and kill."""

import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from services.broker.accounts import (
    BENCH,
    BRIDGE,
    HOME_ASSISTANT,
    PROBE,
    ServiceAccount,
    alerts_account,
    bench_account,
    bridge_account,
    gateway_account,
    home_assistant_account,
    home_assistant_reader,
    probe_account,
)
from services.broker.mosquitto import BrokerDirectory, find_mosquitto, reload
from services.broker.passwords import hash_password, new_secret
from services.demo.unprivileged import open_the_way, run_as, server_user
from tests.parts.ports import free_port, is_listening
from tests.parts.waiting import until

#: Whoever brings other makers' devices: a coordinator, a network server.
SOURCES = "test-sources"
#: `homeassistant` is a Home Assistant itself.
SERVICES = ("anhu-gateway", "anhu-alerts", BRIDGE, BENCH, HOME_ASSISTANT, "homeassistant", PROBE, SOURCES)


class Broker:
    """One Mosquitto. Port, passwords and sessions stay the same over stops and starts."""

    host = "127.0.0.1"

    def __init__(
        self, directory: Path, bench_rights: tuple[str, ...] | None = None, sources: Sequence[str] = ()
    ) -> None:
        """`bench_rights` are the benchmark account's; without them it speaks for the enrolled devices. `sources` are
        the topics of other makers' devices: the account SOURCES may write there, the gateways read."""
        self._bench_rights = bench_rights
        self._sources = tuple(sources)
        program = find_mosquitto()
        assert program is not None, "install Mosquitto: apt-get install mosquitto"
        self.port = free_port()
        self.log = directory.with_name(directory.name + ".log")
        self.passwords = {name: new_secret() for name in SERVICES}
        self._hashes = {name: hash_password(password) for name, password in self.passwords.items()}
        self._devices: dict[str, str] = {}
        self._user = server_user()
        self._directory = BrokerDirectory(directory, self._user)
        self._directory.make()
        open_the_way(directory, self._user)
        self._directory.write_conf(self.port)
        self._command = self._directory.command(program)
        self._process: subprocess.Popen[bytes] | None = None
        self._write_accounts()

    @property
    def pid(self) -> int:
        assert self._process is not None, "the broker is stopped"
        return self._process.pid

    def url(self, account: str) -> str:
        """`mqtt://` with the password of a device, or of one of SERVICES."""
        return f"mqtt://{account}:{quote(self.passwords[account], safe='')}@{self.host}:{self.port}"

    def add_device(self, device_id: str, password: str | None = None) -> str:
        """Lets a device sign in; returns its password."""
        return self.add_devices([device_id], password)[device_id]

    def add_devices(self, device_ids: Iterable[str], password: str | None = None) -> dict[str, str]:
        """Lets devices sign in: a password each (or `password` for all), in force when this returns."""
        added = {device_id: password or new_secret() for device_id in device_ids}
        self.passwords.update(added)
        self._devices.update({device_id: hash_password(secret) for device_id, secret in added.items()})
        self._write_accounts()
        if self._process is not None and added:
            reload(self.pid)
            last = list(added)[-1]
            until(lambda: self.lets_in(last, self.passwords[last]), "the broker knows its new devices")
        return added

    def adopt(self, hashes: Iterable[tuple[str, str]], passwords: Mapping[str, str]) -> None:
        """Lets devices sign in whose hashes are in a database already."""
        self._devices.update(hashes)
        self.passwords.update(passwords)
        self._write_accounts()
        if self._process is not None and passwords:
            reload(self.pid)
            last = list(passwords)[-1]
            until(lambda: self.lets_in(last, passwords[last]), "the broker knows its devices")

    def remove_device(self, device_id: str) -> None:
        """Forgets a device's password: the next sign-in is refused, a connection stays."""
        password = self.passwords.pop(device_id)
        del self._devices[device_id]
        self._write_accounts()
        if self._process is not None:
            reload(self.pid)
            until(lambda: not self.lets_in(device_id, password), "the broker forgets its device")

    def lets_in(self, username: str | None, password: str | None = None, client_id: str = "") -> bool:
        """Whether the broker accepts this sign-in now."""
        answers: list[ReasonCode] = []
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        client.username_pw_set(username, password)
        client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.append(reason)
        client.connect(self.host, self.port)
        while not answers and client.loop(1.0) == MQTTErrorCode.MQTT_ERR_SUCCESS:
            pass
        client.disconnect()
        return bool(answers) and not answers[0].is_failure

    def start(self) -> None:
        """Starts, unless it runs, and waits until it listens."""
        if self._process is not None:
            return
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self._command, stdout=log, stderr=log, cwd="/", start_new_session=True, **run_as(self._user)
            )
        self._process = process

        def ready() -> bool:
            assert process.poll() is None, self.log.read_text("utf-8")[-2000:]
            return is_listening(self.port)

        until(ready, f"Mosquitto listens ({self.log})")

    def stop(self) -> None:
        """A clean stop: sessions, queues and retained messages are saved."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9: what was not saved is lost."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    def _services(self) -> list[ServiceAccount]:
        return [
            gateway_account(self._hashes["anhu-gateway"], self._sources),
            ServiceAccount(SOURCES, self._hashes[SOURCES], tuple(f"write {name}" for name in self._sources)),
            alerts_account(self._hashes["anhu-alerts"]),
            bridge_account(self._hashes[BRIDGE]),
            bench_account(self._hashes[BENCH], self._devices)
            if self._bench_rights is None
            else ServiceAccount(BENCH, self._hashes[BENCH], self._bench_rights),
            home_assistant_account(self._hashes[HOME_ASSISTANT]),
            home_assistant_reader("homeassistant", self._hashes["homeassistant"]),
            probe_account(self._hashes[PROBE]),
        ]

    def _write_accounts(self) -> None:
        self._directory.write_accounts(self._devices.items(), self._services())
