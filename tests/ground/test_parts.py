"""The real parts that all tests stand on."""

import psycopg

from tests.parts.broker import Broker
from tests.parts.postgres import PostgresServer

#: How many a test has made, and whether those of the migrations are there.
_RULES = "SELECT count(*) FILTER (WHERE type = 'mine'), count(*) FILTER (WHERE type = 'sos') = 1 FROM alert_rules"


def test_each_test_has_a_migrated_database_of_its_own(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute(_RULES).fetchone() == (0, True)
        connection.execute("INSERT INTO alert_rules (type, severity, title) VALUES ('mine', 'blue', '')")


def test_nothing_is_left_of_the_test_before(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute(_RULES).fetchone() == (0, True)


def test_a_database_survives_its_server(own_postgres: PostgresServer, own_database_url: str) -> None:
    with psycopg.connect(own_database_url) as connection:
        connection.execute("INSERT INTO alert_rules (type, severity, title) VALUES ('mine', 'blue', '')")
    own_postgres.kill()
    own_postgres.start()
    with psycopg.connect(own_database_url) as connection:
        assert connection.execute(_RULES).fetchone() == (1, True)


def test_a_broker_keeps_port_and_passwords(broker: Broker) -> None:
    password = broker.add_device("watch-1")
    broker.stop()
    broker.start()
    assert broker.lets_in("watch-1", password)
    broker.remove_device("watch-1")
    assert not broker.lets_in("watch-1", password)
