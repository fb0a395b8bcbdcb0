"""TLS on a real Mosquitto, with the certificates of `anhu tls-ca`; and certificates in the place of passwords."""

import ssl
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from paho.mqtt.enums import CallbackAPIVersion

from gateway.mqtt import Inlet
from services.broker.certificates import CertificateError, make_certificates
from services.broker.mosquitto import reload
from services.demo.unprivileged import server_user
from services.runtime.settings import Settings
from tests.parts.broker import Broker
from tests.parts.loops import end_loop
from tests.parts.ports import free_port
from tests.parts.waiting import until

NOW = datetime.now(UTC)
#: paho leaves the socket of a handshake that failed to the garbage collector.
UNTIDY = pytest.mark.filterwarnings("ignore:.*SSLSocket:pytest.PytestUnraisableExceptionWarning")


@dataclass
class SecureBroker:
    broker: Broker
    certificates: Path
    password_port: int  # TLS, and a password
    both_port: int  # TLS with a certificate, and a password
    certificate_port: int  # TLS with a certificate, which is the password

    @property
    def authority(self) -> Path:
        return self.certificates / "ca.pem"

    def context(self, device_id: str | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority)
        if device_id:
            devices = self.certificates / "devices"
            context.load_cert_chain(devices / f"{device_id}.pem", devices / f"{device_id}.key")
        return context


@pytest.fixture(scope="module")
def secure(module_folder: Path) -> Iterator[SecureBroker]:
    folder = module_folder / "tls"
    folder.mkdir()
    broker = Broker(folder / "broker")
    made = make_certificates(folder, ["localhost", "127.0.0.1"], ["watch-1", "watch-2"], NOW, owner=server_user())
    one = SecureBroker(broker, folder, free_port(), free_port(), free_port())
    files = f"certfile {made.certificate}\nkeyfile {made.key}\ntls_version tlsv1.2\n"
    with_certificate = f"{files}cafile {made.authority}\nrequire_certificate true\n"
    broker._directory.write_conf(
        broker.port,
        more_listeners=f"listener {one.password_port} 127.0.0.1\n{files}"
        f"listener {one.both_port} 127.0.0.1\n{with_certificate}"
        f"listener {one.certificate_port} 127.0.0.1\n{with_certificate}use_identity_as_username true\n",
    )
    broker.add_devices(["watch-1", "watch-2"])
    broker.start()
    yield one
    broker.stop()


class Client:
    """Connects once; `answer` is the broker's, None when there was none."""

    def __init__(self, port: int, context: ssl.SSLContext | None, username: str = "", password: str = "") -> None:
        self.answer: str | None = None
        self.heard: list[str] = []
        self.gone = self.subscribed = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        if username:
            self._client.username_pw_set(username, password)
        if context is not None:
            self._client.tls_set_context(context)
        self._client.on_connect = lambda _c, _d, _f, reason, _p: setattr(self, "answer", str(reason))
        self._client.on_disconnect = lambda *_: setattr(self, "gone", True)
        self._client.on_subscribe = lambda *_: setattr(self, "subscribed", True)
        self._client.on_message = lambda _c, _d, message: self.heard.append(message.topic)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        until(lambda: self.answer is not None or self.gone, "an answer, or the end")

    def subscribe(self, topic: str) -> None:
        self._client.subscribe(topic, 1)
        until(lambda: self.subscribed, f"SUBACK for {topic}")

    def publish(self, topic: str) -> None:
        self._client.publish(topic, "x", qos=1).wait_for_publish(10)

    def leave(self) -> None:
        self._client.disconnect()
        end_loop(self._client)


@pytest.fixture
def connect(secure: SecureBroker) -> Iterator[Callable[..., Client]]:
    with ExitStack() as opened:

        def enter(port: int, context: ssl.SSLContext | None, account: str = "", password: str | None = None) -> Client:
            secret = secure.broker.passwords.get(account, "") if password is None else password
            client = Client(port, context, account, secret)
            opened.callback(client.leave)
            return client

        yield enter


@UNTIDY
def test_a_device_connects_to_the_broker_that_our_authority_vouches_for(
    secure: SecureBroker, connect: Callable[..., Client]
) -> None:
    assert connect(secure.password_port, secure.context(), "watch-1").answer == "Success"
    assert connect(secure.password_port, secure.context(), "watch-1", "wrong").answer != "Success"
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(secure.password_port, ssl.create_default_context(), "watch-1")
    assert connect(secure.password_port, None, "watch-1").answer is None  # in the clear


def test_a_device_does_not_connect_to_another_host_that_has_our_certificate(tmp_path: Path) -> None:
    made = make_certificates(tmp_path, ["mqtt.example"], [], NOW)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    ours = ssl.create_default_context(cafile=made.authority)

    def shake(host: str) -> None:
        """A handshake in memory: no such host has to be there."""
        inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.wrap_bio(inward, outward, server_side=True)
        client = ours.wrap_bio(outward, inward, server_hostname=host)
        for _ in range(4):
            for side in (client, server):
                with suppress(ssl.SSLWantReadError):
                    side.do_handshake()

    shake("mqtt.example")
    for host in ("other.example", "127.0.0.1", "sub.mqtt.example"):
        with pytest.raises(ssl.SSLCertVerificationError):
            shake(host)


@UNTIDY
def test_a_gateway_connects_over_mqtts(secure: SecureBroker) -> None:
    url = secure.broker.url("anhu-gateway").replace("mqtt://", "mqtts://")
    url = url.replace(f":{secure.broker.port}", f":{secure.password_port}")
    settings = Settings(database_url="postgresql://nowhere/none", mqtt_url=url, mqtt_ca_file=secure.authority)
    with ExitStack() as opened:

        def inlet(settings: Settings, name: str) -> Inlet:
            one = Inlet(settings, name, ["anhu/v1/+/up/events"], lambda _message: None)
            one.start()
            opened.callback(one.stop)
            return one

        without = inlet(settings.model_copy(update={"mqtt_ca_file": None}), "secret-2")
        trusting = inlet(settings, "secret-1")
        until(lambda: trusting.connected, "the gateway is connected")
        assert not without.connected


def test_a_certificate_besides_the_password(secure: SecureBroker, connect: Callable[..., Client]) -> None:
    device = connect(secure.both_port, secure.context("watch-1"), "watch-1")
    assert device.answer == "Success"
    assert connect(secure.both_port, secure.context("watch-1"), "watch-1", "wrong").answer != "Success"
    assert connect(secure.both_port, secure.context(), "watch-1").answer is None
    secret = secure.broker.passwords["watch-1"]
    secure.broker.remove_device("watch-1")
    until(lambda: device.gone, "a revoked device is cut off, certificate or not")
    secure.broker.add_device("watch-1", secret)


def test_a_certificate_instead_of_the_password(secure: SecureBroker, connect: Callable[..., Client]) -> None:
    assert connect(secure.certificate_port, secure.context()).answer is None
    gateway = connect(secure.broker.port, None, "anhu-gateway")
    gateway.subscribe("anhu/v1/+/up/#")
    device, other = (connect(secure.certificate_port, secure.context(name)) for name in ("watch-1", "watch-2"))
    liar = connect(secure.certificate_port, secure.context("watch-1"), "watch-2")
    device.publish("anhu/v1/watch-2/up/events")
    liar.publish("anhu/v1/watch-2/up/status")  # it is watch-1, whatever name it gives
    device.publish("anhu/v1/watch-1/up/events")
    until(lambda: gateway.heard, "the device is heard")
    assert gateway.heard == ["anhu/v1/watch-1/up/events"]

    # The broker asks nobody for a password here, so a revoked one stays; but it is not heard any more, at once.
    device.subscribe("anhu/v1/watch-1/down/#")
    services = secure.broker._services()
    secure.broker._directory.write_accounts([], services, revoked=["watch-1"])
    reload(secure.broker.pid)
    until(lambda: not secure.broker.lets_in("watch-2", secure.broker.passwords["watch-2"]), "the broker has read it")
    again = connect(secure.certificate_port, secure.context("watch-1"))
    for one in (device, again):
        one.publish("anhu/v1/watch-1/up/events")
    gateway.publish("anhu/v1/watch-1/down/commands")
    other.publish("anhu/v1/watch-2/up/events")
    until(lambda: len(gateway.heard) > 1, "another device is heard")
    assert gateway.heard[1:] == ["anhu/v1/watch-2/up/events"]
    assert device.heard == []
    secure.broker._write_accounts()
    reload(secure.broker.pid)


def test_made_again_the_authority_stays_and_the_servers_certificate_is_new(tmp_path: Path) -> None:
    first = make_certificates(tmp_path, ["mqtt.example", "192.0.2.1", "2001:db8::1"], ["watch-1"], NOW)
    assert first.authority_is_new
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    again = make_certificates(tmp_path, [], [], NOW + timedelta(days=390))
    assert not again.authority_is_new
    assert again.hosts == ["mqtt.example", "192.0.2.1", "2001:db8::1"]
    changed = {path.name for path, data in before.items() if path.read_bytes() != data}
    assert changed == {"server.pem"}
    for path in tmp_path.rglob("*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    certificate = x509.load_pem_x509_certificate(again.certificate.read_bytes())
    assert certificate.not_valid_after_utc - NOW > timedelta(days=780)
    with pytest.raises(CertificateError, match="ended on"):
        make_certificates(tmp_path, [], [], NOW + timedelta(days=3700))


@pytest.mark.parametrize(
    ("hosts", "devices", "what"),
    [
        ([], [], "--host"),
        (["mqtt example"], [], "neither"),
        (["-x.example"], [], "neither"),
        (["localhost"], ["a/b"], "device_id"),
        (["localhost"], ["anhu-gateway"], "rights of its name"),
    ],
)
def test_what_cannot_be_certified(tmp_path: Path, hosts: list[str], devices: list[str], what: str) -> None:
    with pytest.raises(CertificateError, match=what):
        make_certificates(tmp_path, hosts, devices, NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_renewed_certificate_is_in_force_after_a_reload_and_nobody_notices(
    secure: SecureBroker, connect: Callable[..., Client]
) -> None:
    device = connect(secure.password_port, secure.context(), "watch-1")
    before = ssl.get_server_certificate(("127.0.0.1", secure.password_port))
    make_certificates(secure.certificates, [], [], NOW + timedelta(days=1))
    reload(secure.broker.pid)
    until(lambda: ssl.get_server_certificate(("127.0.0.1", secure.password_port)) != before, "the new certificate")
    assert connect(secure.password_port, secure.context(), "watch-1").answer == "Success"
    assert not device.gone


def test_an_authority_whose_key_is_lost(tmp_path: Path) -> None:
    make_certificates(tmp_path, ["localhost"], [], NOW)
    (tmp_path / "ca.key").unlink()
    with pytest.raises(CertificateError, match="cannot read"):
        make_certificates(tmp_path, [], [], NOW)
