"""Figures that tests see and print when all are over: what was killed, how long something took."""

from collections.abc import Callable

Tell = Callable[[str], None]
"""Takes a line to print. Times are told, not asserted: another machine is slower."""
