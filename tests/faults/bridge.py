"""A broker that another platform is connected to as well."""

from services.broker.accounts import ServiceAccount, alerts_account, bench_account, gateway_account
from services.broker.passwords import hash_password, new_secret
from tests.parts.broker import Broker

BRIDGE = "another-platform"


class BridgedBroker(Broker):
    """With a service account that may speak for any device, of whatever name."""

    def _write_accounts(self) -> None:
        self.passwords.setdefault(BRIDGE, new_secret())
        bridge = ServiceAccount(
            BRIDGE, hash_password(self.passwords[BRIDGE]), ("write anhu/v1/+/up/#", "read anhu/v1/+/down/#")
        )
        hashes = self._hashes
        self._directory.write_accounts(
            self._devices.items(),
            [
                gateway_account(hashes["anhu-gateway"]),
                alerts_account(hashes["anhu-alerts"]),
                bench_account(hashes["anhu-bench"], self._devices),
                bridge,
            ],
        )
