"""`anhu broker`: a real Mosquitto goes by a real device table, without a restart."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from click.testing import Result
from psycopg.rows import dict_row
from typer.testing import CliRunner

from services.broker.certificates import make_certificates
from services.broker.follow import GATHER_SECONDS
from services.broker.mosquitto import running_broker
from services.broker.passwords import hash_password
from services.broker.tls_files import unfit_certificates
from services.cli import app
from services.demo.unprivileged import server_user
from services.runtime.beats import WORKERS
from services.stations.problems import problems_of, warnings_of
from tests.ground.test_broker_rights import Member
from tests.parts.broker import Broker
from tests.parts.figures import Tell
from tests.parts.postgres import PostgresServer, fresh_database
from tests.parts.system import ROOT
from tests.parts.waiting import until


class Followed:
    """A broker, a database, and `anhu broker` between them."""

    def __init__(self, broker: Broker, database_url: str, directory: Path) -> None:
        self.broker, self.database_url, self.directory = broker, database_url, directory
        self.log = directory.with_name("follow.log")
        self._process: subprocess.Popen[bytes] | None = None

    def anhu(self, *arguments: str) -> Result:
        """The command line, in this process."""
        return CliRunner().invoke(app, arguments, env={"ANHU_DATABASE_URL": self.database_url})

    def start(self) -> None:
        owner = ["--user", self.directory.owner()] if os.geteuid() == 0 else []
        before = self._follows()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.cli", "broker", self.directory, "--every", "0.1", *owner],
                env=os.environ | {"ANHU_DATABASE_URL": self.database_url, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )
        until(lambda: self._follows() > before, f"anhu broker follows ({self.log})")

    def _follows(self) -> int:
        return self.log.read_text("utf-8").count("following the device table") if self.log.exists() else 0

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None

    def status(self) -> dict[str, Any]:
        """What the process that runs now said last."""
        assert self._process is not None
        rows = self.sql("SELECT status FROM workers WHERE kind = 'broker' AND pid = %s", self._process.pid)
        return dict(rows[0][0]) if rows else {}

    def workers(self) -> list[dict[str, Any]]:
        """As /readyz reads them."""
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            return connection.execute(WORKERS).fetchall()

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def enrol(self, device_id: str) -> str:
        """By SQL: what the use cases do is tested elsewhere."""
        self.broker.passwords[device_id] = secret = f"the secret of {device_id}"
        self.sql(
            "INSERT INTO devices (device_id, kind, organization_id, credential_hash)"
            " SELECT %s, 'wristband', id, %s FROM organizations",
            device_id,
            hash_password(secret),
        )
        return secret

    def let_in(self, device_id: str, secret: str) -> None:
        until(lambda: self.broker.lets_in(device_id, secret), f"{device_id} signs in", every=0.05)

    def shut_out(self, device_id: str, secret: str) -> None:
        until(lambda: not self.broker.lets_in(device_id, secret), f"{device_id} is refused", every=0.05)


@pytest.fixture(scope="module")
def followed(postgres: PostgresServer, module_folder: Path) -> Iterator[Followed]:
    folder = module_folder / "follow"
    folder.mkdir()
    with ExitStack() as opened:
        broker = Broker(folder / "broker")
        broker.start()
        opened.callback(broker.stop)
        url = opened.enter_context(fresh_database(postgres.url()))
        one = Followed(broker, url, folder / "broker")
        one.sql("INSERT INTO organizations (id, tier, name) VALUES (gen_random_uuid(), 'community', 'a station')")
        for name in ("anhu-gateway", "anhu-alerts"):
            broker.passwords[name] = one.anhu("mqtt-account", "add", name).stdout.strip()
        one.start()
        opened.callback(one.stop)
        one.let_in("anhu-gateway", broker.passwords["anhu-gateway"])
        yield one


@pytest.fixture
def join(followed: Followed) -> Iterator[Callable[..., Member]]:
    with ExitStack() as opened:

        def enter(username: str, client_id: str = "") -> Member:
            member = Member(followed.broker, username, client_id)
            opened.callback(member.leave)
            return member

        yield enter


def test_a_device_comes_changes_its_secret_and_goes_and_nobody_else_notices(
    followed: Followed, join: Callable[..., Member], tell: Tell
) -> None:
    gateway = join("anhu-gateway")
    gateway.subscribe("anhu/v1/+/up/events")
    followed.enrol("bystander")
    secret = followed.enrol("watch-1")
    followed.let_in("watch-1", secret)
    bystander, watch = join("bystander"), join("watch-1")

    rotated = followed.anhu("device", "rotate", "watch-1").stdout.strip()
    assert len(rotated) == 24
    followed.let_in("watch-1", rotated)
    assert not followed.broker.lets_in("watch-1", secret)
    until(lambda: watch.disconnects, "who signed in with the old secret is cut off")
    watch.leave()

    followed.broker.passwords["watch-1"] = rotated
    watch = join("watch-1")
    started = time.monotonic()
    followed.sql("UPDATE devices SET revoked_at = now() WHERE device_id = 'watch-1'")
    until(lambda: watch.disconnects, "who is revoked is cut off")
    tell(f"a revoked device was cut off {(time.monotonic() - started) * 1000:.0f} ms after the commit")
    watch.leave()
    assert not followed.broker.lets_in("watch-1", rotated)
    assert not followed.broker.lets_in("never-enrolled", rotated)

    restored = followed.anhu("device", "restore", "watch-1").stdout.strip()
    followed.let_in("watch-1", restored)
    assert not followed.broker.lets_in("watch-1", rotated)

    bystander.publish("anhu/v1/bystander/up/events", "still here")
    assert gateway.next() == ("anhu/v1/bystander/up/events", b"still here")
    assert (bystander.disconnects, gateway.disconnects) == (0, 0)


def test_service_accounts_too_and_with_their_rights(followed: Followed, join: Callable[..., Member]) -> None:
    refused = followed.anhu("mqtt-account", "add", "bridge", "--right", "write anhu/v1/+/up/events")
    assert refused.exit_code == 1
    assert "name one device, or say --all-devices" in refused.output
    added = followed.anhu("mqtt-account", "add", "bridge", "--right", "write zigbee2mqtt/#")
    followed.broker.passwords["bridge"] = added.stdout.strip()
    followed.let_in("bridge", followed.broker.passwords["bridge"])
    listener = followed.anhu("mqtt-account", "add", "listener", "--right", "read zigbee2mqtt/+")
    followed.broker.passwords["listener"] = listener.stdout.strip()
    followed.let_in("listener", followed.broker.passwords["listener"])
    bridge, hearing = join("bridge"), join("listener")
    hearing.subscribe("zigbee2mqtt/#")
    bridge.publish("anhu/v1/bystander/up/events")
    bridge.publish("zigbee2mqtt/a/b")
    bridge.publish("zigbee2mqtt/door")
    assert hearing.next()[0] == "zigbee2mqtt/door"
    followed.anhu("mqtt-account", "revoke", "bridge")
    until(lambda: bridge.disconnects, "a revoked account is cut off")
    assert "bridge\trevoked\twrite zigbee2mqtt/#" in followed.anhu("mqtt-account", "list").stdout


def test_many_changes_are_one_write(followed: Followed) -> None:
    until(lambda: followed.status().get("ok"), "a beat")
    before = followed.status()["counters"]["reloads"]
    began = time.monotonic()
    for number in range(30):
        followed.enrol(f"many-{number}")
    took = time.monotonic() - began
    followed.let_in("many-29", "the secret of many-29")
    until(lambda: followed.status()["counters"]["reloads"] > before, "the heart tells of it")
    # The first at once, the others as they fall together: none sooner than GATHER_SECONDS after the one before.
    assert followed.status()["counters"]["reloads"] - before <= min(20, 2 + took / GATHER_SECONDS)


def test_a_row_that_mosquitto_would_not_take_shuts_nobody_else_out(followed: Followed) -> None:
    followed.enrol("broken")
    followed.sql("UPDATE devices SET credential_hash = 'plain' WHERE device_id = 'broken'")
    secret = followed.enrol("after-broken")
    followed.let_in("after-broken", secret)
    until(lambda: followed.status().get("left_out") == 1, "the heart tells of it")
    assert "left out" in followed.log.read_text("utf-8")
    followed.sql("DELETE FROM devices WHERE device_id = 'broken'")


def test_what_happened_while_nobody_followed_is_made_up_for(followed: Followed) -> None:
    until(lambda: warnings_of(followed.workers()) == [], "no warning")
    followed.stop(signal.SIGKILL)
    secret = followed.enrol("meanwhile")
    assert not followed.broker.lets_in("meanwhile", secret)
    followed.sql("UPDATE workers SET beat_at = beat_at - interval '5 seconds'")
    # A beat that was on its way when it was killed may come after ours.
    [warning] = until(lambda: warnings_of(followed.workers()), "a warning")
    assert "has not beaten" in warning.detail
    assert [one.code for one in problems_of(followed.workers())] == ["gateway_silent", "alerts_silent"]
    followed.start()
    followed.let_in("meanwhile", secret)
    until(lambda: warnings_of(followed.workers()) == [], "no warning any more")


def test_a_lost_database_connection_is_made_again(followed: Followed) -> None:
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'anhu-broker'"
    until(lambda: followed.sql(cut) >= [(1,)], "its session is cut")
    secret = followed.enrol("after-the-cut")
    followed.let_in("after-the-cut", secret)
    assert "no connection to the database" in followed.log.read_text("utf-8")
    until(lambda: followed.status().get("ok"), "all is well again")


def test_another_broker_under_the_same_files_is_told(followed: Followed) -> None:
    followed.broker.stop()
    until(lambda: followed.status().get("broker") == "not told", "the heart tells that no broker runs")
    secret = followed.enrol("late")
    followed.broker.start()
    followed.let_in("late", secret)
    until(lambda: followed.status().get("ok"), "all is well again")


def test_a_broker_that_could_not_read_its_key_again_is_not_told(followed: Followed) -> None:
    """It would let nobody in by TLS any more."""
    conf = followed.directory / "mosquitto.conf"
    kept = conf.read_text("utf-8")
    made = make_certificates(followed.directory / "tls", ["localhost"], [], datetime.now(UTC))
    if os.geteuid() != 0:
        made.key.chmod(0)
    conf.write_text(f"{kept}\ncertfile {made.certificate}\nkeyfile {made.key}\n")
    try:
        secret = followed.enrol("waits")
        until(lambda: followed.status().get("certificates"), "the heart tells why")
        assert not followed.broker.lets_in("waits", secret)
        assert "may not be read" in warnings_of(followed.workers())[0].detail
        make_certificates(followed.directory / "tls", [], [], datetime.now(UTC), owner=server_user())
        made.key.chmod(0o600)
        followed.let_in("waits", secret)
    finally:
        conf.write_text(kept)


def test_a_key_of_another_certificate_is_told(tmp_path: Path) -> None:
    one, other = (make_certificates(tmp_path / name, ["localhost"], [], datetime.now(UTC)) for name in ("1", "2"))
    conf = tmp_path / "mosquitto.conf"
    conf.write_text(f"listener 1\ncertfile {one.certificate}\nkeyfile {one.key}\n# keyfile nowhere\n")
    assert unfit_certificates(conf, None) is None
    conf.write_text(f"certfile {one.certificate}\nkeyfile {other.key}\n")
    assert "is not the key of" in str(unfit_certificates(conf, None))
    conf.write_text(f"certfile {one.certificate}\nkeyfile /nowhere\n")
    assert "/nowhere is not there" in str(unfit_certificates(conf, None))
    assert unfit_certificates(tmp_path / "none", None) is None


def test_a_process_with_an_old_brokers_number_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(str(os.getpid()))
    assert running_broker(tmp_path / "pid") is None
    (tmp_path / "pid").write_text("no number")
    assert running_broker(tmp_path / "pid") is None
    assert running_broker(tmp_path / "nowhere") is None


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_mosquitto_that_would_die_of_the_signal_is_left_alone(followed: Followed, tmp_path: Path) -> None:
    """While it reads its database, it has written its number but does not listen for signals yet."""
    early = tmp_path / "mosquitto"
    early.symlink_to("/bin/sleep")
    with subprocess.Popen([early, "60"]) as process:
        until(lambda: psutil.Process(process.pid).name() == "mosquitto", "it is taken for one")
        (tmp_path / "pid").write_text(str(process.pid))
        assert running_broker(tmp_path / "pid") is None
        process.kill()
    assert running_broker(followed.directory / "mosquitto.pid") == followed.broker.pid


def test_once_writes_and_ends(followed: Followed) -> None:
    """Last: nobody follows any more after it."""
    followed.stop()
    secret = followed.enrol("once")
    owner = ["--user", followed.directory.owner()] if os.geteuid() == 0 else []
    done = followed.anhu("broker", str(followed.directory), "--once", *owner)
    assert done.exit_code == 0, done.output
    assert "2 service accounts" in done.stdout or "3 service accounts" in done.stdout
    followed.let_in("once", secret)
    for name in ("passwords", "rights.acl"):
        assert (followed.directory / name).stat().st_mode & 0o077 == 0
