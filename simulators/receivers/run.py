"""`anhu simulate --receivers PORT`: the services behind people's telephones, which say what their people would see."""

import json
import signal
import threading
from collections.abc import Callable

from simulators.receivers.server import MANNERS, NAMES, Receivers


def run(port: int, hook_secret: str, say: Callable[[str], None], tell: Callable[[str], None]) -> int:
    """Until Ctrl-C or SIGTERM. `hook_secret`: that was told when the webhook was added. `say`: how to use it; `tell`: a
    line of JSON for each message."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Receivers(port, tell=tell) as receivers:
        receivers.hook_secret = hook_secret
        say(f"receivers at {receivers.url}; Anhu needs ANHU_CHANNELS_MAY_BE_LOCAL=true to reach them")
        for service in ("sms", "voice", "bark", "ntfy", "smseagle"):
            say(f"  {service}: {receivers.address(service, '13900000000')}")
        say(f"  hook: {receivers.address('hook')} (its secret: --hook-secret)")
        subscription = json.dumps(receivers.subscribe())
        say(f"  push: a subscription for POST /me/channels: {subscription}")
        manners = "|".join(MANNERS)
        say(f"  make one misbehave: curl -X PUT '{receivers.url}/control/{NAMES[1]}?manner=busy' ({manners})")
        stop.wait()
    return 0
