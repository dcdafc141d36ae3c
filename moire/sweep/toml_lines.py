"""Lines of the keys and values of a TOML text, which the parser of the standard library does not give."""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from itertools import accumulate

Place = tuple[str | int, ...]
"""Keys and indices that lead to a value: ``("ed", 0, "cluster")``."""


def toml_lines(text: str) -> dict[Place, int]:
    """Return the line, counted from 1, on which each key, table and element of a list stands.

    Parameters
    ----------
    text
        A text that :func:`tomllib.loads` accepts; the result for others is not defined.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    """A walk through a valid text from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.lines: dict[Place, int] = {}
        self._starts = [0, *accumulate(len(line) + 1 for line in self.text.split("\n"))]
        self._tables: dict[Place, int] = {}  # number of tables of each list of tables so far

    def document(self) -> None:
        """Tables and keys, to the end."""
        table: Place = ()
        while self._skip("\n"):
            if self._takes("[["):
                table = self._table(self._key())
                self._tables[table] = self._tables.get(table, -1) + 1
                self.lines.setdefault(table, self._line())
                table = (*table, self._tables[table])
                self.lines[table] = self._line()
                self._expect("]]")
            elif self._takes("["):
                table = self._table(self._key())
                self.lines.setdefault(table, self._line())
                self._expect("]")
            else:
                self._pair(table)

    def _table(self, keys: Place) -> Place:
        """Place of a table; the last one of a list of tables on the way."""
        place: Place = ()
        for key in keys[:-1]:
            place = (*place, key)
            self.lines.setdefault(place, self._line())
            if place in self._tables:
                place = (*place, self._tables[place])
        return (*place, keys[-1])

    def _pair(self, table: Place) -> None:
        line, place = self._line(), table
        for key in self._key():
            place = (*place, key)
            self.lines.setdefault(place, line)
        self._expect("=")
        self._value(place)

    def _key(self) -> Place:
        keys: list[str] = []
        while True:
            self._skip()
            start = self.at
            if self.text[start] in "\"'":
                self._string()
                keys.append(str(tomllib.loads(f"key = {self.text[start : self.at]}")["key"]))
            else:
                while self.text[self.at].isalnum() or self.text[self.at] in "_-":
                    self.at += 1
                keys.append(self.text[start : self.at])
            self._skip()
            if not self._takes("."):
                return tuple(keys)

    def _value(self, place: Place) -> None:
        self._skip()
        if self._takes("["):
            index = 0
            while self._skip("\n") and not self._takes("]"):
                self.lines[(*place, index)] = self._line()
                self._value((*place, index))
                index += 1
                self._skip("\n")
                self._takes(",")
        elif self._takes("{"):
            while self._skip("\n") and not self._takes("}"):
                self._pair(place)
                self._skip("\n")
                self._takes(",")
        elif self.text[self.at] in "\"'":
            self._string()
        else:
            while self.at < len(self.text) and self.text[self.at] not in ",]}#\n":
                self.at += 1

    def _string(self) -> None:
        quote = self.text[self.at]
        closing = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self.at += len(closing)
        while not self.text.startswith(closing, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += len(closing)
        while len(closing) == 3 and self.text.startswith(quote, self.at):  # up to two more belong to the text
            self.at += 1

    def _skip(self, also: str = "") -> bool:
        """Skip blanks and, with line ends, comments; return whether anything follows."""
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.text[self.at] in " \t" + also:
                self.at += 1
            else:
                return True
        return False

    def _takes(self, token: str) -> bool:
        found = self.text.startswith(token, self.at)
        self.at += len(token) * found
        return found

    def _expect(self, token: str) -> None:
        self._skip()
        self._takes(token)

    def _line(self) -> int:
        return bisect_right(self._starts, self.at)
