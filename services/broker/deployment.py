"""The example of a Mosquitto that devices reach over the network, deploy/mosquitto/mosquitto.conf.

python -m services.broker.deployment > deploy/mosquitto/mosquitto.conf
"""

import sys
from pathlib import Path

from services.broker.mosquitto import render_conf

LISTENERS = """\
# An example for a real deployment: put it in the place of /etc/mosquitto/mosquitto.conf, and beside it the
# two files named below, which are for the user mosquitto alone (mode 0600).

# Our own processes, on this machine or in a network that is ours alone.
listener 1883 127.0.0.1

# Devices, from anywhere: TLS, because a password that is sent in the clear is everybody's. The certificate is
# for the host name that devices connect to; after renewing it, send SIGHUP. `anhu tls-ca` makes one for trials.
# listener 8883
# certfile /etc/mosquitto/certs/fullchain.pem
# keyfile /etc/mosquitto/certs/privkey.pem
# tls_version tlsv1.2

# Devices that need a certificate of this authority besides their password:
# cafile /etc/mosquitto/ca_certificates/devices.pem
# require_certificate true

# Instead of it, with the common name as their device_id. Mosquitto then asks no password, and lets a revoked
# device connect: it is not heard any more, and hears nothing.
# use_identity_as_username true"""


def deployment_conf() -> str:
    home = Path("/etc/mosquitto")
    return render_conf(
        listeners=LISTENERS,
        password_file=home / "passwords",
        acl_file=home / "rights.acl",
        persistence=Path("/var/lib/mosquitto"),
        pid_file=Path("/run/mosquitto/mosquitto.pid"),
        log_dest="file /var/log/mosquitto/mosquitto.log",
    )


if __name__ == "__main__":
    sys.stdout.write(deployment_conf())
