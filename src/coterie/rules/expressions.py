"""The expression language of formulas, amounts and filters: `Quantity * UnitPrice`, `if(r >= 4 and f >= 4, "best", "other")`.

Text is read by Python's `ast` and walked over a white list: nothing is ever run as Python. Names are fields or tags; a name with
spaces or signs stands in backticks (`` `Annual Income` ``), and dots belong to a name (`rfm.frequency`).
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import ValueType
from coterie.engines.sql import quote_value
from coterie.errors import NotFound, Refused, did_you_mean, unknown_name
from coterie.rules.fields import DEFAULT_SCALE
from coterie.rules.functions import FUNCTIONS, SIGNS, Function, Typed, TypeMismatch

MAX_LENGTH = 2_000
MAX_DEPTH = 100
# The engine unfolds arguments that stand twice; beyond this it would plan for seconds.
_MAX_WEIGHT = 5_000

Resolved: TypeAlias = tuple[str, ValueType] | tuple[str, ValueType, int]
Resolve: TypeAlias = Callable[[str], Resolved]


@dataclass(frozen=True)
class Constant:
    """A number (int or Decimal), text, true or false."""

    value: int | Decimal | str | bool


@dataclass(frozen=True)
class Name:
    """A field or tag."""

    name: str


@dataclass(frozen=True)
class Call:
    """A function or operator with its arguments."""

    function: Function
    args: tuple[Part, ...]


Part = Constant | Name | Call


@dataclass(frozen=True)
class Expression:
    """An expression that was read.

    >>> amount = parse_expression("Quantity * `Unit Price`")
    >>> amount.names
    ('Quantity', 'Unit Price')
    >>> amount.evaluate({"Quantity": 3, "Unit Price": Decimal("0.10")})
    Decimal('0.30')
    >>> columns = {"Quantity": ("q", ValueType.INTEGER), "Unit Price": ("p", ValueType.DECIMAL)}
    >>> amount.sql(columns.__getitem__)
    ('TRY(q * p)', <ValueType.DECIMAL: 'decimal'>)
    """

    text: str
    root: Part
    place: str

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All fields and tags, in the order they first stand."""
        return tuple(dict.fromkeys(_names(self.root)))

    def check_names(self, known: Iterable[str], noun: str = "field") -> None:
        """Refuse a name that is not known, with a near one.

        >>> parse_expression("Quantty * 2").check_names(["Quantity"])
        Traceback (most recent call last):
        coterie.errors.NotFound: `unknown_name` at `expression`: There is no field "Quantty". Did you mean "Quantity"?
        """
        known = list(known)
        for name in self.names:
            if name not in known:
                raise unknown_name(noun, name, known, place=self.place)

    def sql(self, resolve: Resolve, *, zone: str = "UTC") -> tuple[str, ValueType]:
        """SQL and type of the value.

        resolve : name -> (sql, type), or (sql, DECIMAL, digits after the point) where those are not 4.
        zone : the time zone in which moments have their day and hour.

        Raises Refused `bad_expression` where types do not fit.
        """
        typed = self._compiled(self.root, resolve, zone)
        if typed.type is ValueType.NUMBER and _can_overflow(self.root):
            return f"(CASE WHEN isfinite({typed.sql}) THEN {typed.sql} END)", typed.type
        return typed.sql, typed.type

    def evaluate(self, values: Mapping[str, Any], *, zone: str = "UTC") -> Any:
        """The value for one set of values (missing: None), as the SQL gives it; None where it is missing.

        >>> parse_expression("coalesce(a / b, 0)").evaluate({"a": 1, "b": 0})
        0
        """
        try:
            value = _run(self.root, values, ZoneInfo(zone))
        except (TypeError, AttributeError):
            raise Refused("bad_expression", "The values do not fit the expression.", place=self.place) from None
        return None if isinstance(value, float) and not math.isfinite(value) else value

    def _compiled(self, part: Part, resolve: Resolve, zone: str) -> Typed:
        match part:
            case Constant(value):
                return _constant(value)
            case Name(name):
                return _resolved(name, resolve, self.place)
            case Call(function, args):
                typed = [self._compiled(a, resolve, zone) for a in args]
        try:
            result = function.compile(typed, zone)
        except TypeMismatch as error:
            noun = f"`{function.name}`" if function.name in SIGNS else f"`{function.name}()`"
            raise Refused("bad_expression", f"{noun} {error}.", place=self.place, fix="See `docs/rules.md`.") from None
        if result.weight > _MAX_WEIGHT:
            raise Refused("bad_expression", "It is too large.", place=self.place, fix="Split it into several formulas.")
        return replace(result, wide=True) if result.type is ValueType.DECIMAL else result


def parse_expression(text: str, *, place: str = "expression") -> Expression:
    """Read an expression.

    >>> parse_expression("lenght(name)")
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_expression` at `expression`: There is no function "lenght". Did you mean "length"?
    >>> parse_expression("__import__('os').system('ls')")
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_expression` at `expression`: There is no function "__import__". There are: if, coalesce, min, max, abs, ...

    Raises Refused `bad_expression`.
    """
    if not isinstance(text, str) or not text.strip():
        raise Refused(
            "bad_expression", "The expression is empty.", place=place, fix='Write one, such as "Quantity * Price".'
        )
    if len(text) > MAX_LENGTH:
        raise Refused(
            "bad_expression", f"It has {len(text):,} characters.", place=place, fix=f"At most {MAX_LENGTH:,}."
        )
    reader = _Reader(text, place)
    return Expression(text.strip(), reader.read(), place)


# Text, names in backticks, numbers, words with dots; everything else is left to `ast`.
_TOKEN = re.compile(
    r"""(?P<text>"[^"\n]*"|'[^'\n]*')|`(?P<quoted>[^`\n]+)`|(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?P<stuck>\w*)"""
    r"""|(?P<word>[^\W\d]\w*(?:\.\w+)*)(?P<call>\s*\()?|(?P<other>.)""",
    re.DOTALL,
)
_HINTS = {
    "=": "Write == for equal.",
    "<>": "Write != for not equal.",
    "&": "Write `and`.",
    "|": "Write `or`.",
    "'": "Close the text with the same quote.",
    '"': "Close the text with the same quote.",
}
_SIGN_CHARS = set("+-*/<>=!(), \t\r\n")
_OPERATORS: Mapping[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">",
    ast.GtE: ">=", ast.And: "and", ast.Or: "or", ast.Not: "not", ast.USub: "negative",
}  # fmt: skip


class _Reader:
    """Replaces every name, number and text by a placeholder, lets `ast` find the structure, and walks it."""

    def __init__(self, text: str, place: str) -> None:
        self.text, self.place = text, place
        self.parts: dict[str, Part] = {}

    def refuse(self, said: str, fix: str = "See `docs/rules.md`.") -> Refused:
        return Refused("bad_expression", said, place=self.place, fix=fix)

    def read(self) -> Part:
        source = "".join(self.token(m) for m in _TOKEN.finditer(self.text))
        if _nesting(source) > MAX_DEPTH:
            raise self.refuse("It is nested too deeply.", f"At most {MAX_DEPTH} levels.")
        try:
            tree = ast.parse(f"({source.strip()})", mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise self.refuse(f'"{self.text[:80]}" cannot be read.', self.hint()) from None
        return self.walk(tree, 0)

    def hint(self) -> str:
        bare = re.sub(r"\"[^\"]*\"|'[^']*'|`[^`]*`", "x", self.text)
        if re.search(r"(?<![=<>!])=(?!=)", bare):
            return _HINTS["="]
        if "<>" in bare:
            return _HINTS["<>"]
        if re.search(r"\w\s+(?!and\b|or\b|not\b|in\b)\w", bare):
            return "Write a name with spaces in backticks: `Annual Income`."
        return "Check parentheses, commas and quotes."

    def token(self, match: re.Match[str]) -> str:
        if match["text"] is not None:
            return self.keep(Constant(match["text"][1:-1]))
        if match["quoted"] is not None:
            return self.keep(Name(match["quoted"]))
        if match["number"] is not None:
            if match["stuck"]:
                said = f'"{match[0]}" is neither a number nor a name.'
                raise self.refuse(said, f"If it is a name, write it in backticks: `{match[0]}`.")
            return self.keep(Constant(self.number(match["number"])))
        if match["word"] is not None:
            return self.word(match["word"], match["call"] or "")
        if match["other"] not in _SIGN_CHARS:
            fix = _HINTS.get(match["other"], "Write a name with signs in backticks: `Annual-Income`.")
            raise self.refuse(f'"{match["other"]}" is not understood.', fix)
        return match["other"]

    def number(self, text: str) -> int | Decimal:
        number = Decimal(text.replace("_", ""))
        if number != 0 and not (number.adjusted() < 18 and number.as_tuple().exponent >= -9):  # type: ignore[operator]
            raise self.refuse(f"{text} has too many digits.", "Use at most 18 before and 9 after the point.")
        return int(number) if number == number.to_integral_value() else number

    def word(self, word: str, call: str) -> str:
        lowered = word.lower()
        if lowered in ("and", "or", "not", "in"):
            return f" {lowered} {call}"
        if lowered in ("true", "false") and not call:
            return self.keep(Constant(lowered == "true"))
        if not call:
            return self.keep(Name(word))
        if word not in FUNCTIONS:
            names = [f for f in FUNCTIONS if f not in SIGNS]
            fix = did_you_mean(word, names) or f"There are: {', '.join(names[:5])}, ..."
            raise self.refuse(f'There is no function "{word}".', fix)
        return f"_{word}("

    def keep(self, part: Part) -> str:
        name = f"_{len(self.parts)}"
        self.parts[name] = part
        return f" {name} "

    def walk(self, node: ast.AST, depth: int) -> Part:
        if depth > MAX_DEPTH:
            raise self.refuse("It is nested too deeply.", f"At most {MAX_DEPTH} levels.")
        down = depth + 1
        match node:
            case ast.Name(id=name) if name in self.parts:
                return self.parts[name]
            case ast.BinOp(left=a, op=op, right=b) if type(op) in _OPERATORS:
                return self.call(_OPERATORS[type(op)], [self.walk(a, down), self.walk(b, down)])
            case ast.UnaryOp(op=ast.UAdd(), operand=a):
                return self.walk(a, down)
            case ast.UnaryOp(op=op, operand=a) if type(op) in _OPERATORS:
                return self.call(_OPERATORS[type(op)], [self.walk(a, down)])
            case ast.BoolOp(op=op, values=values):
                return self.call(_OPERATORS[type(op)], [self.walk(v, down) for v in values])
            case ast.Compare(left=a, ops=[op], comparators=[b]):
                return self.compare(a, op, b, down)
            case ast.Compare():
                raise self.refuse("Two comparisons stand in a row.", "Write a < b and b < c.")
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name[1:] in FUNCTIONS:
                return self.call(name[1:], [self.walk(a, down) for a in args])
            case _:
                raise self.refuse(f'"{self.text[:80]}" cannot be read.', self.hint())

    def compare(self, a: ast.expr, op: ast.cmpop, b: ast.expr, depth: int) -> Part:
        if type(op) in _OPERATORS:
            return self.call(_OPERATORS[type(op)], [self.walk(a, depth), self.walk(b, depth)])
        if not isinstance(op, ast.In | ast.NotIn):
            raise self.refuse(f'"{self.text[:80]}" cannot be read.', self.hint())
        items = b.elts if isinstance(b, ast.Tuple) else [b]
        members = [self.walk(item, depth) for item in items]
        if not members or not all(isinstance(m, Constant) for m in members):
            raise self.refuse("`in` needs values in parentheses.", 'Write Country in ("France", "Germany").')
        found = self.call("in", [self.walk(a, depth), *members])
        return self.call("not", [found]) if isinstance(op, ast.NotIn) else found

    def call(self, name: str, args: list[Part]) -> Part:
        function = FUNCTIONS[name]
        if len(args) < function.least or (function.most is not None and len(args) > function.most):
            want = str(function.least) if function.least == function.most else f"at least {function.least}"
            if function.most is not None and function.most != function.least:
                want = f"{function.least} to {function.most}"
            raise self.refuse(f"`{name}()` takes {want} values, and has {len(args)}.", f"It is: {function.takes}.")
        if name == "negative" and isinstance(args[0], Constant) and not isinstance(args[0].value, str | bool):
            return Constant(-args[0].value)
        return Call(function, tuple(args))


def _nesting(source: str) -> int:
    depth = deepest = 0
    for char in source:
        depth += (char == "(") - (char == ")")
        deepest = max(deepest, depth)
    return deepest


def _names(part: Part) -> list[str]:
    match part:
        case Name(name):
            return [name]
        case Call(_, args):
            return [name for arg in args for name in _names(arg)]
        case _:
            return []


def _can_overflow(part: Part) -> bool:
    match part:
        case Call(function, args):
            return function.name in "+-*/" or any(map(_can_overflow, args))
        case _:
            return False


def _constant(value: Any) -> Typed:
    match value:
        case bool():
            return Typed(quote_value(value), ValueType.BOOLEAN, literal=value)
        case int():
            return Typed(f"{value}::BIGINT" if value >= 0 else f"({value})::BIGINT", ValueType.INTEGER, literal=value)
        case Decimal():
            sql = quote_value(value)
            return Typed(
                sql if value >= 0 else f"({sql})", ValueType.DECIMAL, len(sql.partition(".")[2]), literal=value
            )
        case _:
            return Typed(quote_value(value), ValueType.TEXT, literal=value)


def _resolved(name: str, resolve: Resolve, place: str) -> Typed:
    try:
        sql, kind, *scale = resolve(name)
    except NotFound as error:
        raise type(error)(error.code, error.message, place=place, fix=error.fix) from None
    except LookupError:
        raise unknown_name("field", name, [], place=place) from None
    return Typed(sql, kind, (scale[0] if scale else DEFAULT_SCALE) if kind is ValueType.DECIMAL else 0)


def _run(part: Part, values: Mapping[str, Any], tz: ZoneInfo) -> Any:
    match part:
        case Constant(value):
            return value
        case Name(name):
            known = values.get(name)
            return None if isinstance(known, float) and math.isnan(known) else known
        case Call(function, args):
            computed = [_run(a, values, tz) for a in args]
            if not function.lazy and any(v is None for v in computed):
                return None
            return function.run(computed, tz)
