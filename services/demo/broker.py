"""The demo's broker: the one that ANHU_MQTT_URL names, or a Mosquitto of our own."""

import os
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from services.broker.accounts import ALERTS, GATEWAY, PROBE
from services.broker.follow import write_files
from services.broker.mosquitto import BrokerDirectory, find_mosquitto
from services.broker.passwords import hash_password
from services.broker.rights import OWN_RIGHTS
from services.demo.errors import DemoError
from services.demo.folder import DemoFolder, Keys
from services.demo.ports import choose_port
from services.demo.progress import say, step
from services.demo.supervise import Program, Supervisor
from services.demo.unprivileged import open_the_way, server_user

USUAL_PORTS = {"mqtt": 1883, "mqtts": 8883}
START_SECONDS = 30.0

_ACCOUNT = """
INSERT INTO service_accounts (username, credential_hash, rights) VALUES (%s, %s, %s)
ON CONFLICT (username) DO UPDATE
SET credential_hash = excluded.credential_hash, rights = excluded.rights, revoked_at = NULL
"""


@dataclass(frozen=True)
class DemoBroker:
    """Where devices connect, and the URLs with passwords for our own processes."""

    scheme: str
    host: str
    port: int
    gateway_url: str
    alerts_url: str
    probe_url: str
    ours: bool = True  # and so `anhu broker` keeps its accounts


@dataclass(frozen=True)
class OwnBroker:
    program: str
    port: int
    #: the port was not asked for
    usual: bool


def choose_broker(port: int | None, taken: frozenset[int]) -> OwnBroker | SplitResult:
    """Ours, or the URL of theirs, before anything is started.

    port: as --mqtt-port asks. taken: ports that are given away.
    Raises DemoError when it cannot be had.
    """
    if theirs := os.environ.get("ANHU_MQTT_URL"):
        if port is not None:
            raise DemoError("--mqtt-port is for our own broker, and ANHU_MQTT_URL names yours: use one of the two")
        parts = urlsplit(theirs)
        if parts.scheme not in USUAL_PORTS or not parts.hostname:
            raise DemoError("ANHU_MQTT_URL must be mqtt://HOST[:PORT] or mqtts://HOST[:PORT]")
        return parts
    program = find_mosquitto()
    if program is None:
        raise DemoError("Mosquitto is not installed: `make demo` gets it, or install the package `mosquitto`")
    return OwnBroker(program, choose_port(port, USUAL_PORTS["mqtt"], "--mqtt-port", taken), usual=port is None)


def start_broker(
    supervisor: Supervisor, folder: DemoFolder, keys: Keys, chosen: OwnBroker | SplitResult, database_url: str
) -> DemoBroker:
    """A broker that knows the database's devices and lets the gateway in. Raises DemoError when it cannot be had."""
    if isinstance(chosen, SplitResult):
        return _use_theirs(chosen, folder, keys, database_url)
    broker = _described(keys, "mqtt", "127.0.0.1", chosen.port)
    user = server_user()
    directory = BrokerDirectory(folder.broker, user)
    moved = chosen.usual and chosen.port != USUAL_PORTS["mqtt"]
    with step(f"Mosquitto, on port {chosen.port}" + (f": {USUAL_PORTS['mqtt']} is taken" if moved else "")):
        directory.make()
        open_the_way(directory.path, user)
        directory.write_conf(chosen.port)
        _write_accounts(directory, keys, database_url)
        server = supervisor.start(Program("mosquitto", directory.command(chosen.program), {}, user))
        supervisor.wait_for(
            lambda: _why_not(broker.gateway_url) is None,
            "Mosquitto does not answer",
            START_SECONDS,
            without=server,
        )
    return broker


def _use_theirs(parts: SplitResult, folder: DemoFolder, keys: Keys, database_url: str) -> DemoBroker:
    assert parts.hostname is not None  # chosen so
    broker = _described(keys, parts.scheme, parts.hostname, parts.port or USUAL_PORTS[parts.scheme], parts)
    directory = BrokerDirectory(folder.broker)
    with step(f"your broker, {broker.host}:{broker.port}"):
        directory.make()
        _write_accounts(directory, keys, database_url)
        why_not = _why_not(broker.gateway_url)
    files = f"{directory.password_file} and {directory.acl_file}"
    if why_not:
        raise DemoError(
            f"the broker of ANHU_MQTT_URL does not let the gateway in ({why_not}):"
            f" give it {files} as password_file and acl_file, send it SIGHUP, and start again"
        )
    say(f"  (it has to know our devices: their passwords and rights are in {files})")
    return broker


def _described(keys: Keys, scheme: str, host: str, port: int, theirs: SplitResult | None = None) -> DemoBroker:
    """An account in the broker's own URL is used for everything; without one, ours are."""

    def url(account: str) -> str:
        if theirs and theirs.username:
            return theirs.geturl()
        return f"{scheme}://{account}:{quote(keys.secret(account), safe='')}@{host}:{port}"

    return DemoBroker(scheme, host, port, url(GATEWAY), url(ALERTS), url(PROBE), ours=theirs is None)


def _write_accounts(directory: BrokerDirectory, keys: Keys, database_url: str) -> None:
    """Of the service accounts, those of our own processes have the secrets that this folder keeps."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for name, rights in OWN_RIGHTS.items():
            keys.secret(name)
            connection.execute(_ACCOUNT, (name, keys.hash_of(name, hash_password), list(rights)))
        keys.save()
        write_files(connection, directory)


def _why_not(url: str) -> str | None:
    """Why the broker does not let this account in, or None when it does."""
    parts = urlsplit(url)
    answers: list[ReasonCode] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(parts.username, parts.password)
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.append(reason)
    if parts.scheme == "mqtts":
        client.tls_set()
    client.connect_timeout = 5.0
    try:
        client.connect(parts.hostname or "", parts.port or USUAL_PORTS[parts.scheme])
    except OSError as error:
        return error.strerror or str(error)
    while not answers and client.loop(1.0) == MQTTErrorCode.MQTT_ERR_SUCCESS:
        pass
    client.disconnect()
    if not answers:
        return "it closed the connection"
    return str(answers[0]) if answers[0].is_failure else None
