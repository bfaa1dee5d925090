"""Reading structs in Thrift's compact protocol, strictly: what parquet writes its footer and page headers in. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12
_BYTE, _I16, _DOUBLE, _SET = 3, 4, 7, 10
_BOOLEANS = (1, 2)
_DEEPEST = 12

Path = tuple[int, ...]  # the numbers of the fields from the outermost struct on
Lists = Mapping[Path, int]
Field = tuple[int, int]  # number and type: readers pass over a field whose type is not the one they know


class Malformed(ValueError):
    """These bytes are no struct that a sound writer would write."""


class Struct:
    """The integers, structs and lists of structs of one struct."""

    def __init__(self) -> None:
        self.fields: dict[Field, object] = {}

    def integer(self, number: int, kind: int) -> int:
        """Return an integer of type ``kind``; raises ``Malformed`` when it is not there."""
        if (number, kind) not in self.fields:
            raise Malformed
        return cast(int, self.fields[number, kind])

    def optional(self, number: int, kind: int) -> int | None:
        return cast("int | None", self.fields.get((number, kind)))

    def struct(self, number: int) -> Struct:
        if (number, STRUCT) not in self.fields:
            raise Malformed
        return cast(Struct, self.fields[number, STRUCT])

    def structs(self, number: int) -> list[Struct]:
        if (number, LIST) not in self.fields:
            raise Malformed
        return cast("list[Struct]", self.fields[number, LIST])


def read_struct(data: bytes, position: int = 0, *, lists: Lists, path: Path = ()) -> tuple[Struct, int]:
    """Return the struct at ``position``, and where it ends.

    ``lists``: the type of the items of the lists that readers know, who never look whether the file says the same;
    of these, lists of structs are kept. Raises ``IndexError`` when the struct ends after the data does, ``Malformed``
    when it is nested too deeply, has a type that does not exist, a list of another type, or a field twice.
    """
    if len(path) > _DEEPEST:
        raise Malformed
    struct, seen, number = Struct(), set(), 0
    while (head := data[position]) != 0:
        position += 1
        kind, step = head & 0x0F, head >> 4
        if step:
            number += step
        else:
            number, position = _integer(data, position, 16)
        if number in seen:
            raise Malformed
        seen.add(number)
        if kind in (I32, I64):
            struct.fields[number, kind], position = _integer(data, position, 32 if kind == I32 else 64)
        elif kind == STRUCT:
            struct.fields[number, kind], position = read_struct(data, position, lists=lists, path=(*path, number))
        elif kind == LIST:
            items, position = _read_list(data, position, lists, (*path, number))
            struct.fields[number, kind] = items
        elif kind not in _BOOLEANS:  # a boolean is in its type
            position = _skip(data, position, kind, lists, (*path, number))
    return struct, position + 1


def _read_list(data: bytes, position: int, lists: Lists, path: Path) -> tuple[list[Struct], int]:
    """Return the items of a list if they are structs, and where it ends."""
    head = data[position]
    kind, length, position = head & 0x0F, head >> 4, position + 1
    if length == 15:
        length, position = _varint(data, position)
    if length and lists.get(path, kind) != kind:  # of an empty one, some writers leave the type out
        raise Malformed
    items: list[Struct] = []
    for _ in range(length):
        if kind == STRUCT:
            item, position = read_struct(data, position, lists=lists, path=path)
            items += [item] if path in lists else []
        else:
            position = _skip(data, position, kind, lists, path)
        if position > len(data):
            raise IndexError
    return items, position


def _skip(data: bytes, position: int, kind: int, lists: Lists, path: Path) -> int:
    """Return where a value ends; of a boolean one in a list, which has a byte of its own."""
    if kind in (_BYTE, *_BOOLEANS):
        return position + 1
    if kind in (_I16, I32, I64):
        return _varint(data, position)[1]
    if kind == _DOUBLE:
        return position + 8
    if kind == BINARY:
        length, position = _varint(data, position)
        return position + length
    if kind in (LIST, _SET) and len(path) <= _DEEPEST:
        return _read_list(data, position, {}, (*path, 0))[1]
    raise Malformed


def _integer(data: bytes, position: int, bits: int) -> tuple[int, int]:
    zigzag, position = _varint(data, position)
    if zigzag >> bits:
        raise Malformed
    return (zigzag >> 1) ^ -(zigzag & 1), position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value, shift = data[position] & 0x7F, 7
    while data[position] > 0x7F:
        position += 1
        if shift > 63:
            raise Malformed
        value |= (data[position] & 0x7F) << shift
        shift += 7
    return value, position + 1
