"""Bytes that nobody thought of, for every decoder, guided by what they reach (atheris, libFuzzer).

    python -m tests.fuzz.decoders --seconds 60

The first byte of an input chooses a family or a LoRaWAN codec, the second one of the topics of its captures or a port,
the rest is the message. It begins from the captures. It ends with 0 when no decoder
raised, and each said something or knew at least whose message it was. One that did not is in build/fuzz/ and named.
"""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gateway.decoders"]):
    from gateway.decoders.family import Decoded, Draft, Enrolment
    from gateway.decoders.lorawan.models import CODECS
    from gateway.decoders.lorawan.uplink import Uplink
    from gateway.decoders.registry import FAMILIES

from tests.parts.captures import captures, wire

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
KINDS = (Enrolment(), Enrolment("emergency_button"), Enrolment("bed_sensor"), Enrolment("fall_detector", "WS101"))
TOPICS = {name: sorted({str(one["topic"]) for one in captures(name)}) or [name] for name in FAMILIES}
TARGETS = [*FAMILIES, *CODECS]


def check(data: bytes) -> None:
    """Raises when a decoder does, or says nothing of nobody."""
    if len(data) < 3:
        return
    name, choice, message = TARGETS[data[0] % len(TARGETS)], data[1], data[2:]
    enrolment = KINDS[choice % len(KINDS)]
    if name in FAMILIES:
        topics = TOPICS[name]
        said = FAMILIES[name].decode(topics[choice % len(topics)], message, NOW, lambda _: enrolment)
    else:
        draft = Draft("0000000000000001", "fuzz", NOW)
        uplink = Uplink("0000000000000001", choice, message[:255], enrolment.kind, NOW, draft)
        CODECS[name](uplink)
        said = uplink.done()
    for one in said:
        assert isinstance(one, Decoded), (name, one)
        # "Off" is a whole message that says nothing new: then it must at least be somebody's.
        spoke = one.readings or one.events or one.status or one.flaws or one.unread or one.ignored
        assert spoke or one.hardware_id, (name, "says nothing of nobody")


def write_seeds(folder: Path) -> None:
    for index, name in enumerate(FAMILIES):
        for number, capture in enumerate(captures(name)):
            topic = TOPICS[name].index(str(capture["topic"]))
            (folder / f"{name}-{number}").write_bytes(bytes([index, topic % 256]) + wire(capture))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    seconds = parser.parse_args().seconds
    found = ROOT / "build" / "fuzz"
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="anhu-fuzz-") as corpus:
        write_seeds(Path(corpus))
        options = [f"-max_total_time={seconds}", "-max_len=4096", f"-artifact_prefix={found}/", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *options, "-verbosity=0", corpus], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
