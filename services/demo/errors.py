"""What stops a demo, in a sentence."""


class DemoError(Exception):
    """Something the person at the keyboard can mend: the message says what, where and how."""
