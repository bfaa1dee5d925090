"""The bytes of a delimited text, unpacked and looked at on their way to the parser."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import BinaryIO

from tidemark.delimited.quotes import Quotes
from tidemark.errors import BadFile
from tidemark.parquet.bounds import MAX_DECODED_BYTES, MAX_EXPANSION, SMALL_BYTES, bad_file

GZIP = b"\x1f\x8b"
PIECE_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"


class TextStream(io.RawIOBase):
    """A file that the parser reads from: never more than the cap, no NUL, no quote out of place.

    ``error`` is what ended it early, as the parser may hide it.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        file.seek(0)
        packed = file.read(2) == GZIP
        size = file.seek(0, 2)
        file.seek(0)
        self.error: Exception | None = None
        self._file: BinaryIO = gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[assignment]  # it reads
        self._most = min(MAX_DECODED_BYTES, max(SMALL_BYTES, MAX_EXPANSION * size))
        self._size = size
        self._bytes = 0
        self._lines = 0
        self._quotes = Quotes()
        self._pushed_back = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, ``PIECE_BYTES`` at most; nothing at the end. Raises ``BadFile``, ``OSError``.

        They end with no carriage return, as pyarrow then drops a line feed that follows, also within a quoted value.
        """
        piece = self._take(size)
        if piece and not piece.strip(b"\r"):
            piece += self._take(size - len(piece))
        whole = piece.rstrip(b"\r") or piece
        self._pushed_back = piece[len(whole) :] + self._pushed_back
        return whole

    def push_back(self, rest: bytes) -> None:
        """Give bytes back that were read ahead of the parser."""
        self._pushed_back = rest

    def _take(self, size: int) -> bytes:
        if self._pushed_back:
            most = size if size > 0 else len(self._pushed_back)
            piece, self._pushed_back = self._pushed_back[:most], self._pushed_back[most:]
            return piece
        try:
            return self._next(min(size, PIECE_BYTES) if size > 0 else PIECE_BYTES)
        except Exception as error:
            self.error = error
            raise

    def _next(self, size: int) -> bytes:
        try:
            piece = self._file.read(size)
        except EOFError:
            raise bad_file("corrupt", "The gzip file ends in the middle: it was cut off") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise bad_file("corrupt", f"The gzip file cannot be unpacked: {str(error)[:200]}") from None
        if self._bytes == 0:
            piece = piece.removeprefix(_BOM)
        self._check(piece)
        return piece

    def _check(self, piece: bytes) -> None:
        self._bytes += len(piece)
        if self._bytes > self._most:
            raise bad_file(
                "oversized", f"The file of {self._size:,} bytes has more than {self._most:,} bytes when unpacked"
            )
        if not piece and self._quotes.is_open:
            raise bad_file("bad-quotes", "The file ends within a quoted value: a quote is not closed")
        nul = piece.find(b"\0")
        if nul >= 0:
            raise self._at(piece, nul, "bad-value", "has a NUL, which no text has")
        misplaced = self._quotes.misplaced(piece)
        if misplaced is not None:
            raise self._at(piece, misplaced, "bad-quotes", "has a quote in the middle of a value, or one not closed")
        self._lines += piece.count(b"\n")

    def _at(self, piece: bytes, place: int, code: str, what: str) -> BadFile:
        line = self._lines + piece.count(b"\n", 0, place) + 1
        return bad_file(code, f"Line {line:,} of the file {what}")
