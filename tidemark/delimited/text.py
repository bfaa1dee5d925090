"""From values written as text to typed ones, without changing a value.

A text says the value itself: ``2.0`` is the integer 2, and ``2.5`` is none. What a fraction means is the double that
is nearest to it, which is how PostgreSQL reads it too. Text that is empty is null.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow

MARK = {b"tidemark.values": b"text"}
_EXACT = 2.0**53  # from here on doubles skip whole numbers
_TINY = 1e-300  # a text may say less than any double but 0


class UnfitError(Exception):
    """A text says a value that the type cannot hold; ``text`` is the first such."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


def holds_text(schema: pyarrow.Schema) -> bool:
    """Whether the file says nothing of its types: every value is written as text."""
    return bool(schema.metadata) and MARK.items() <= schema.metadata.items()


def from_text(array: pyarrow.Array, target: pyarrow.DataType) -> pyarrow.Array:
    """Return the values that the texts say, in the type ``target``: text, integer, double or timestamp.

    Raises ``UnfitError`` for one that the type cannot hold as it is.
    """
    import pyarrow
    import pyarrow.types as types

    if array.type == target:
        return array
    try:
        return _read(array, target)
    except pyarrow.ArrowInvalid:
        plain = _plain(array, whole=types.is_integer(target))
    try:
        return _read(plain, target)
    except pyarrow.ArrowInvalid:
        raise UnfitError(str(first_refused(plain, lambda texts: _read(texts, target)).as_py())) from None


def first_refused(array: pyarrow.Array, read: Callable[[pyarrow.Array], object]) -> pyarrow.Scalar:
    """Return the first value for which ``read`` raises ``ArrowInvalid``, as it does for the whole array.

    It is found by halving: every reading but the last few is of a slice.
    """
    import pyarrow

    while len(array) > 1:
        half = array.slice(0, len(array) // 2)
        try:
            read(half)
        except pyarrow.ArrowInvalid:
            array = half
        else:
            array = array.slice(len(half))
    return array[0]


def _read(array: pyarrow.Array, target: pyarrow.DataType) -> pyarrow.Array:
    import pyarrow.types as types

    read = array.cast(target)
    if types.is_floating(target):
        _check_doubles(array, read)
    return read


def _plain(array: pyarrow.Array, *, whole: bool) -> pyarrow.Array:
    """Write the texts as pyarrow reads them: without blanks around, and whole numbers without their empty fraction."""
    import pyarrow
    import pyarrow.compute as compute

    trimmed = compute.ascii_trim_whitespace(array)
    if whole:
        trimmed = compute.replace_substring_regex(trimmed, r"^([+-]?\d+)\.0*$", r"\1")
    empty = compute.equal(trimmed, "")
    return compute.if_else(empty, pyarrow.scalar(None, array.type), trimmed)


def _check_doubles(texts: pyarrow.Array, doubles: pyarrow.Array) -> None:
    """Refuse numbers beyond the doubles' range, and whole numbers between two of them."""
    import pyarrow
    import pyarrow.compute as compute

    size = compute.abs(doubles)
    no_zero = compute.invert(compute.match_substring_regex(texts, r"^[+-]?0*\.?0*$"))
    small = compute.and_kleene(compute.less(size, _TINY), no_zero)
    for place in compute.indices_nonzero(compute.or_kleene(compute.greater_equal(size, _EXACT), small)):
        text, double = texts[place.as_py()].as_py(), doubles[place.as_py()].as_py()
        if not _says(text, double):
            raise pyarrow.ArrowInvalid(text)


def _says(text: str, double: float) -> bool:
    try:
        said = Decimal(text)
    except InvalidOperation:
        return False
    if not said.is_finite():
        return True
    if double in (float("inf"), float("-inf")) or (double == 0) != said.is_zero():
        return False
    return said != said.to_integral_value() or "e" in text.lower() or said == Decimal(double)
