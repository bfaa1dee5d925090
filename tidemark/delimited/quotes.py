"""Whether the quotes of a delimited text stand where RFC 4180 wants them.

Readers guess where they do not: a quote that is never closed takes all rows after it into one value.
"""

from __future__ import annotations

_QUOTE = 0x22
_BESIDE = (0x2C, 0x0A, 0x0D, _QUOTE)  # a comma, the ends of a line, and the other half of a doubled quote


class Quotes:
    """Follows the quotes of a text, piece by piece, from its first byte on."""

    def __init__(self) -> None:
        self.is_open = False
        self._before = 0x0A  # the text begins a line
        self._closing_at_end = False

    def misplaced(self, piece: bytes) -> int | None:
        """Return the place in this piece of the first quote that neither begins nor ends a value; None for none."""
        if not piece:
            return None
        if self._closing_at_end and piece[0] not in _BESIDE:
            return 0
        self._closing_at_end = False
        place = self._search(piece) if _QUOTE in piece else None
        self._before = piece[-1]
        return place

    def _search(self, piece: bytes) -> int | None:
        import numpy

        text = numpy.frombuffer(piece, numpy.uint8)
        places = numpy.flatnonzero(text == _QUOTE)
        first_opens = 1 if self.is_open else 0
        opening, closing = places[first_opens::2], places[1 - first_opens :: 2]
        beside = numpy.zeros(256, bool)
        beside[list(_BESIDE)] = True
        before = numpy.where(opening > 0, text[opening - 1], self._before)
        self.is_open = self.is_open ^ bool(len(places) % 2)
        self._closing_at_end = bool(len(closing)) and int(closing[-1]) == len(piece) - 1
        inner = closing[:-1] if self._closing_at_end else closing
        wrong = [*opening[~beside[before]][:1].tolist(), *inner[~beside[text[inner + 1]]][:1].tolist()]
        return min(wrong) if wrong else None
