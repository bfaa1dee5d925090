"""What ends a benchmark: a run that is broken must not look fast."""

from __future__ import annotations


class Broken(Exception):
    """A measurement could not be made, or did not do what it claims to have done."""
