"""Repeatable chance: the same words give the same numbers, in any process and in any order."""

import random


def draw(*words: object) -> random.Random:
    """A source of random numbers named by its words."""
    # Seeding from text goes through SHA-512 (random.seed, version 2), not through PYTHONHASHSEED.
    return random.Random("/".join(map(str, words)))
