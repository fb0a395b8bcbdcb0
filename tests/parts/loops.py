"""The end of a paho client's network thread."""

import contextlib

import paho.mqtt.client as paho


def end_loop(client: paho.Client) -> None:
    """`loop_stop`, which raises when the thread has ended by itself between its look and its join."""
    with contextlib.suppress(AttributeError):
        client.loop_stop()
