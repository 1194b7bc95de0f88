"""Patterns of `matches`: the part of RE2's syntax that every engine reads alike, with a matcher in plain Python.

Python's own `re` reads some patterns otherwise (`$`, `\\d`, `\\w` of other scripts) and can take for ever on others; this matcher
follows RE2 and takes time proportional to text times pattern. What it does not know is refused, so nothing is ever read in two ways.

Understood: text, `.`, `[a-z]`, `[^a-z]`, `\\d \\D \\w \\W \\s \\S` (ASCII, as in RE2), `\\b \\B \\A \\z ^ $`, groups `( )` and `(?: )`, `|`,
`* + ? {n} {n,} {n,m}` and their lazy forms, flags `(?i) (?s) (?m)`, escapes `\\n \\t \\r \\f \\v \\a \\x41 \\x{4e00}`.
Source: https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from coterie.errors import Refused

MAX_PATTERN = 500
# RE2 refuses repetitions beyond 1,000, also nested ones; so large a program is slow everywhere.
_MAX_REPEAT = 1_000
_MAX_PROGRAM = 5_000
_LAST = 0x10FFFF

Ranges = tuple[tuple[int, int], ...]

_DIGIT: Ranges = ((48, 57),)
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Ranges = ((9, 10), (12, 13), (32, 32))
_CLASSES = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_ESCAPES = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "a": 7}
_META = "\\.+*?()|[]{}^$"


class Chars(NamedTuple):
    """One character out of `ranges`; `fold`: capitals count as small letters."""

    ranges: Ranges
    fold: bool

    def holds(self, char: str) -> bool:
        """Whether the character is one of them."""
        codes = _orbit(char) if self.fold else (ord(char),)
        return any(low <= code <= high for code in codes for low, high in self.ranges)


class Edge(NamedTuple):
    """A place between characters: `A` start and `z` end of the text, `^` and `$` of a line, `b` and `B` of a word."""

    kind: str


class Sequence(NamedTuple):
    """Parts one after another."""

    parts: tuple[Part, ...]


class Choice(NamedTuple):
    """One of several parts."""

    parts: tuple[Part, ...]


class Repeat(NamedTuple):
    """A part `least` to `most` times; None is no limit."""

    part: Part
    least: int
    most: int | None


Part = Chars | Edge | Sequence | Choice | Repeat


@dataclass(frozen=True)
class Pattern:
    """A pattern that was understood.

    >>> read_pattern("^GTX ?Pro", "all[0]").found_in("GTXPro 5")
    True
    >>> read_pattern("(?i)pro$", "all[0]").found_in("GTX PRO"), read_pattern(r"(a+)+\\d", "all[0]").found_in("a" * 5000)
    (True, False)
    """

    text: str
    part: Part = field(repr=False, compare=False)

    @cached_property
    def _program(self) -> list[tuple[object, ...]]:
        program: list[tuple[object, ...]] = []
        _emit(self.part, program)
        program.append(("match",))
        return program

    def found_in(self, text: str) -> bool:
        """Whether the pattern occurs anywhere in the text (Thompson's simulation: all alternatives at once)."""
        program = self._program
        states: set[int] = set()
        for at in range(len(text) + 1):
            active = _closure(program, [*states, 0], text, at)
            if active is None:
                return True
            if at < len(text):
                # RE2 works on the bytes of UTF-8: `\B` also holds between the bytes of one character.
                if text[at] > "\x7f" and _closure(program, [0], "\x80\x80", 1) is None:
                    return True
                states = {n + 1 for n in active if program[n][1].holds(text[at])}  # type: ignore[attr-defined]
        return False

    def example(self) -> str | None:
        """A short text in which the pattern occurs, or None where none was found quickly."""
        text = _example(self.part)
        candidates = [text, f" {text}", f"{text} ", f" {text} ", f"a{text}a"]
        return next((c for c in candidates if self.found_in(c)), None)


def read_pattern(text: str, place: str) -> Pattern:
    """Read a pattern.

    >>> read_pattern("(?=x)", "all[0]")
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_pattern` at `all[0]`: "(?=" is not understood at character 1. Groups are ( ) and (?: ), flags (?i) (?s) (?m).

    Raises Refused `bad_pattern`.
    """
    if not text:
        raise Refused("bad_pattern", "The pattern is empty.", place=place, fix="To find any value, use `exists`.")
    if len(text) > MAX_PATTERN:
        raise Refused("bad_pattern", f"It has {len(text)} characters.", place=place, fix=f"At most {MAX_PATTERN}.")
    reader = _Reader(text, place)
    part = reader.choice(frozenset())
    if reader.at < len(text):
        raise reader.refuse(reader.at, "Every `)` needs its `(`.")
    if _size(part) > _MAX_PROGRAM or _repeats(part) > _MAX_REPEAT:
        raise Refused(
            "bad_pattern", "It repeats too much.", place=place, fix=f"Repeat at most {_MAX_REPEAT} times in all."
        )
    return Pattern(text, part)


class _Reader:
    """Recursive descent over the pattern; `at` is the next character."""

    def __init__(self, text: str, place: str) -> None:
        self.text, self.place, self.at, self.depth = text, place, 0, 0

    def refuse(self, at: int, fix: str, length: int = 1) -> Refused:
        shown = self.text[at : at + length]
        said = f'"{shown}" is not understood at character {at + 1}.' if shown else "It ends too early."
        return Refused("bad_pattern", said, place=self.place, fix=fix)

    def ahead(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def choice(self, flags: frozenset[str]) -> Part:
        self.depth += 1
        if self.depth > 50:
            raise self.refuse(self.at, "Nest less deeply.")
        parts, flags = [], flags
        while True:
            part, flags = self.sequence(flags)
            parts.append(part)
            if not self.ahead("|"):
                break
            self.at += 1
        self.depth -= 1
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def sequence(self, flags: frozenset[str]) -> tuple[Part, frozenset[str]]:
        parts: list[Part] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            start = self.at
            flag = re.compile(r"\(\?([ism]+)\)").match(self.text, self.at)
            if flag:  # flags hold to the end of the group, also past a `|`
                self.at, flags = flag.end(), flags | set(flag[1])
                continue
            part = self.atom(flags)
            parts.append(self.repeated(part, start))
        return (parts[0] if len(parts) == 1 else Sequence(tuple(parts))), flags

    def atom(self, flags: frozenset[str]) -> Part:
        char = self.text[self.at]
        if re.compile(r"\{\d+,?\d*\}").match(self.text, self.at):
            raise self.refuse(self.at, r"To find the character itself, write \{.")
        match char:
            case "(":
                return self.group(flags)
            case "[":
                return self.char_class(flags)
            case "\\":
                return self.escape(flags)
            case "*" | "+" | "?":
                raise self.refuse(self.at, f"To find the character itself, write \\{char}.")
            case ".":
                self.at += 1
                return Chars(((0, _LAST),) if "s" in flags else ((0, 9), (11, _LAST)), False)
            case "^" | "$":
                self.at += 1
                return Edge(char if "m" in flags else {"^": "A", "$": "z"}[char])
            case _:
                self.at += 1
                return Chars(((ord(char), ord(char)),), "i" in flags)

    def group(self, flags: frozenset[str]) -> Part:
        start = self.at
        head = re.compile(r"\((\?([ism]*):|(?!\?))").match(self.text, start)
        if head is None:
            raise self.refuse(start, "Groups are ( ) and (?: ), flags (?i) (?s) (?m).", 3)
        self.at = head.end()
        part = self.choice(flags | set(head[2] or ""))
        if not self.ahead(")"):
            raise self.refuse(self.at, "Every `(` needs its `)`.")
        self.at += 1
        return part

    def repeated(self, part: Part, start: int) -> Part:
        found = re.compile(r"([*+?]|\{(\d+)(,?)(\d*)\})\??").match(self.text, self.at)
        if found is None:
            return part
        if isinstance(part, Edge):
            raise self.refuse(start, "A place between characters cannot be repeated.")
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(found[1], (0, None))
        if found[2] is not None:
            least = int(found[2])
            most = int(found[4]) if found[4] else (None if found[3] else least)
        if max(least, most or 0) > _MAX_REPEAT or (most is not None and most < least) or (found[4] and not found[3]):
            raise self.refuse(self.at, f"Write {{n,m}} with n up to m, at most {_MAX_REPEAT}.", len(found[0]))
        self.at = found.end()
        if re.compile(r"[*+?]|\{\d+,?\d*\}").match(self.text, self.at):
            raise self.refuse(self.at, "Put the repeated part in a group ( ) to repeat it again.")
        return Repeat(part, least, most)

    def escape(self, flags: frozenset[str]) -> Part:
        following = self.text[self.at + 1 : self.at + 2]
        if following and following in "bBAz":
            self.at += 2
            return Edge(following)
        ranges, is_class = self.escaped("i" in flags)
        return Chars(ranges, "i" in flags and not is_class)

    def escaped(self, fold: bool) -> tuple[Ranges, bool]:
        start, char = self.at, self.text[self.at + 1 : self.at + 2]
        self.at += 2
        if char.lower() in _CLASSES and char:
            ranges = _folded(_CLASSES[char.lower()]) if fold else _CLASSES[char.lower()]
            return (_complement(ranges) if char.isupper() else ranges), True
        if char in _ESCAPES:
            return ((_ESCAPES[char],) * 2,), False
        if char == "x":
            found = re.compile(r"x([0-9a-fA-F]{2}|\{([0-9a-fA-F]{1,6})\})").match(self.text, start + 1)
            code = int(found[2] or found[1], 16) if found else _LAST + 1
            if found and 0 < code <= _LAST and not 0xD800 <= code <= 0xDFFF:
                self.at = found.end()
                return ((code, code),), False
        elif char and char.isascii() and not char.isalnum() and char != "_" and char.isprintable():
            return ((ord(char),) * 2,), False
        raise self.refuse(start, r"Escapes are \d \w \s \b \A \z \n \t \r \x41 \x{4e00} and \ before a sign.", 2)

    def char_class(self, flags: frozenset[str]) -> Part:
        start = self.at
        self.at += 1
        negated, fold = self.ahead("^"), "i" in flags
        self.at += negated
        ranges: list[tuple[int, int]] = []
        first = True
        while first or not self.ahead("]"):
            if self.at >= len(self.text):
                raise self.refuse(start, "Every `[` needs its `]`.")
            ranges += self.class_item(first, fold)
            first = False
        self.at += 1
        if not negated:
            return Chars(tuple(ranges), fold)
        # RE2 folds the listed characters before it takes the others.
        return Chars(_complement(_folded(tuple(ranges)) if fold else tuple(ranges)), False)

    def class_item(self, first: bool, fold: bool) -> Ranges:
        start, char = self.at, self.text[self.at]
        if self.ahead("[:"):
            raise self.refuse(start, r"Write the characters, such as [a-z], or \d \w \s.", 2)
        if char == "-" and not first and not self.text.startswith("]", start + 1):
            raise self.refuse(start, r"Write - first or last in [ ], or as \-.")
        if char == "\\":
            ranges, is_class = self.escaped(fold)
        else:
            self.at += 1
            ranges, is_class = ((ord(char),) * 2,), False
        if not self.ahead("-") or self.text.startswith("-]", self.at):
            return ranges
        self.at += 1
        if is_class or self.ahead("[:") or self.at >= len(self.text) or (char == "-" and first):
            raise self.refuse(start, "A range is one character to another: [a-z].", self.at - start)
        if self.ahead("\\"):
            last, last_is_class = self.escaped(fold)
        else:
            last, last_is_class = ((ord(self.text[self.at]),) * 2,), False
            self.at += 1
        if last_is_class or last[0][0] < ranges[0][0]:
            raise self.refuse(start, "A range is from the lower character to the higher: [a-z].", self.at - start)
        return ((ranges[0][0], last[0][0]),)


def _complement(ranges: Ranges) -> Ranges:
    result, at = [], 0
    for low, high in sorted(ranges):
        if low > at:
            result.append((at, low - 1))
        at = max(at, high + 1)
    return tuple([*result, (at, _LAST)] if at <= _LAST else result)


# Letters that Unicode's simple case folding joins beyond lower() and upper(): K and the Kelvin sign, s and the long s, ...
_EXTRA = {
    "k": "\u212a", "s": "\u017f", "\u00e5": "\u212b", "\u03c9": "\u2126", "\u03bc": "\u00b5", "\u00df": "\u1e9e",
    "\u03b2": "\u03d0", "\u03b5": "\u03f5", "\u03b8": "\u03d1\u03f4", "\u03b9": "\u0345\u1fbe", "\u03ba": "\u03f0",
    "\u03c0": "\u03d6", "\u03c1": "\u03f1", "\u03c3": "\u03c2", "\u03c6": "\u03d5", "\u1e61": "\u1e9b",
    "\u0432": "\u1c80", "\u0434": "\u1c81", "\u043e": "\u1c82", "\u0441": "\u1c83", "\u0442": "\u1c84\u1c85",
    "\u044a": "\u1c86", "\u0463": "\u1c87", "\ua64b": "\u1c88",
}  # fmt: skip
_BASE = {other: letter for letter, others in _EXTRA.items() for other in others}


def _orbit(char: str) -> tuple[int, ...]:
    """All characters that count as the same when case does not."""
    base = _BASE.get(char) or _BASE.get(char.lower()) or char
    if base in "\u0130\u0131":  # the Turkish dotted capital and dotless small i stand alone
        return (ord(char),)
    variants = {char, base}
    for letter in (base, *base.lower()[:1]):
        variants |= {letter, *(v for v in (letter.lower(), letter.upper(), letter.title()) if len(v) == 1)}
    for letter in tuple(variants):
        variants |= set(_EXTRA.get(letter, ""))
    return tuple(ord(v) for v in variants)


_LAST_CASED = 0x1E943  # no letter behind this one has another case


def _folded(ranges: Ranges) -> Ranges:
    """The ranges with all case variants of their characters."""
    codes = {code for low, high in ranges for code in range(low, min(high, _LAST_CASED) + 1)}
    variants = {other for code in codes if not 0xD800 <= code <= 0xDFFF for other in _orbit(chr(code))}
    return (*ranges, *((code, code) for code in sorted(variants - codes)))


def _size(part: Part) -> int:
    match part:
        case Repeat(inner, least, most):
            return _size(inner) * max(least + (most is None), most or 0) + 2
        case Sequence(parts) | Choice(parts):
            return sum(map(_size, parts)) + 2 * len(parts)
        case _:
            return 1


def _repeats(part: Part) -> int:
    match part:
        case Repeat(inner, least, most):
            return _repeats(inner) * max(least, most or 0, 1)
        case Sequence(parts) | Choice(parts):
            return max(map(_repeats, parts), default=1)
        case _:
            return 1


def _emit(part: Part, program: list[tuple[object, ...]]) -> None:
    """Append instructions: ("char", Chars), ("edge", kind), ("split", first, second), ("jump", to)."""
    match part:
        case Chars():
            program.append(("char", part))
        case Edge(kind):
            program.append(("edge", kind))
        case Sequence(parts):
            for inner in parts:
                _emit(inner, program)
        case Choice(parts):
            _emit_choice(parts, program)
        case Repeat(inner, least, most):
            for _ in range(least):
                _emit(inner, program)
            if most is None:
                start = len(program)
                program.append(())
                _emit(inner, program)
                program.append(("jump", start))
                program[start] = ("split", start + 1, len(program))
            else:
                _emit_optional(inner, most - least, program)


def _emit_choice(parts: tuple[Part, ...], program: list[tuple[object, ...]]) -> None:
    jumps = []
    for inner in parts[:-1]:
        split = len(program)
        program.append(())
        _emit(inner, program)
        jumps.append(len(program))
        program.append(())
        program[split] = ("split", split + 1, len(program))
    _emit(parts[-1], program)
    for jump in jumps:
        program[jump] = ("jump", len(program))


def _emit_optional(part: Part, times: int, program: list[tuple[object, ...]]) -> None:
    splits = []
    for _ in range(times):
        splits.append(len(program))
        program.append(())
        _emit(part, program)
    for split in splits:
        program[split] = ("split", split + 1, len(program))


def _closure(program: list[tuple[object, ...]], start: list[int], text: str, at: int) -> list[int] | None:
    """The character instructions reachable without reading a character; None if the end of the pattern is."""
    seen, waiting, active = set[int](), start, []
    while waiting:
        n = waiting.pop()
        if n in seen:
            continue
        seen.add(n)
        match program[n]:
            case ("match",):
                return None
            case ("char", _):
                active.append(n)
            case ("edge", str(kind)):
                if _EDGES[kind](text, at):
                    waiting.append(n + 1)
            case (_, *targets):
                waiting.extend(targets)  # type: ignore[arg-type]
    return active


def _word_edge(text: str, at: int) -> bool:
    return _is_word(text[at - 1 : at]) != _is_word(text[at : at + 1])


def _is_word(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")


_EDGES: dict[str, Callable[[str, int], bool]] = {
    "A": lambda text, at: at == 0,
    "z": lambda text, at: at == len(text),
    "^": lambda text, at: at == 0 or text[at - 1] == "\n",
    "$": lambda text, at: at == len(text) or text[at] == "\n",
    "b": _word_edge,
    "B": lambda text, at: not _word_edge(text, at),
}


def _example(part: Part) -> str:
    match part:
        case Chars(ranges):
            return next(_readable(ranges), "")
        case Sequence(parts):
            return "".join(map(_example, parts))
        case Choice(parts):
            return min(map(_example, parts), key=len)
        case Repeat(inner, least):
            return _example(inner) * least
        case Edge():
            return ""


def _readable(ranges: Ranges) -> Iterator[str]:
    """Characters out of the ranges, letters and digits first."""
    for code in (*range(97, 123), *range(48, 58), *range(65, 91), 32):
        if any(low <= code <= high for low, high in ranges):
            yield chr(code)
    yield from (chr(low) for low, _ in ranges if low and not 0xD800 <= low <= 0xDFFF)
