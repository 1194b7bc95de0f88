"""Rules in words: one English and one Chinese sentence for any rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from coterie.catalog.schemas import Dataset, ValueType
from coterie.errors import NotFound, Refused
from coterie.rules import nodes
from coterie.rules.fields import find_field
from coterie.rules.glossary import GLOSSARY, word
from coterie.rules.nodes import Node
from coterie.rules.operators import OPERATORS, Operand, read_levels
from coterie.rules.spans import Relative, read_span
from coterie.rules.values import exact, is_number
from coterie.rules.vocabulary import Vocabulary

if TYPE_CHECKING:
    from coterie.rules.tree import Rule

LANGUAGES = ("en", "zh")
_SHOWN_VALUES = 6

HIDDEN = "•••"
# Whether the values that a tag or field is compared with are kept from whoever reads: a rule on an e-mail address
# holds that address. Set around a request, since sentences are made in many places.
HIDES: ContextVar[Callable[[str], bool] | None] = ContextVar("hides", default=None)


def sentence(rule: Rule, language: str = "en", vocabulary: Vocabulary | None = None) -> str:
    """The rule as one sentence. Labels and types come from the vocabulary; without it, names stand as they are.

    >>> from coterie.rules.tree import parse_rule
    >>> rule = parse_rule({"all": [{"tag": "country", "op": "in", "value": ["France", "Germany"]}, {"events": "orders", "within": "30d"}]})
    >>> sentence(rule)
    'Customers whose country is one of "France", "Germany", and who have orders in the last 30 days.'
    >>> sentence(rule, "zh")
    '圈定满足以下条件的客户：country属于“France”、“Germany”，且最近30天内有orders。'
    """
    speaker = Speaker(language, vocabulary)
    noun, root = speaker.entity(rule.entity), rule.root
    if root == nodes.All(()):
        return speaker.pick(f"All {noun}.", f"{word('define', 'zh')}全部{noun}。")
    if isinstance(root, nodes.Not) and root.name is None:
        said = speaker.clause(root.child, relative=True)
        return speaker.pick(
            f"All {noun}, except those {said}.", f"{word('define', 'zh')}不满足以下条件的全部{noun}：{said}。"
        )
    said = speaker.clause(root, relative=True)
    return speaker.pick(f"{noun[0].upper()}{noun[1:]} {said}.", f"{word('define', 'zh')}满足以下条件的{noun}：{said}。")


def node_sentence(node: Node, language: str = "en", vocabulary: Vocabulary | None = None) -> str:
    """One node of a rule in words, as it stands within the sentence.

    >>> from coterie.rules.tree import parse_rule
    >>> node_sentence(parse_rule({"not": {"tag": "rfm.r", "op": "gte", "value": 4}}).root)
    'it is not true that rfm.r is at least 4'
    """
    return Speaker(language, vocabulary).clause(node)


class Speaker:
    """Says parts of rules in one language."""

    def __init__(self, language: str, vocabulary: Vocabulary | None) -> None:
        if language not in LANGUAGES:
            raise Refused("bad_argument", f'"{language}" is no language of Coterie.', fix='Use "en" or "zh".')
        self.language, self.vocabulary = language, vocabulary

    def pick(self, english: str, chinese: str) -> str:
        """The words in the speaker's language."""
        return chinese if self.language == "zh" else english

    def entity(self, kind: str) -> str:
        """The plural of an entity kind."""
        known = GLOSSARY.get(kind)
        return self.pick(f"{known.en if known else kind}s", known.zh if known else kind)

    def clause(self, node: Node, *, nested: bool = False, relative: bool = False) -> str:
        """A node as part of a sentence; a group inside another stands in parentheses.

        relative : English begins with `who` or `whose`, to follow the people it is about.
        """
        match node:
            case nodes.All(children, name):
                parts = [self.clause(c, nested=True, relative=relative) for c in children]
                return self._group(parts, "and", name, nested)
            case nodes.Any(children, name):
                parts = [self.clause(c, nested=True, relative=relative) for c in children]
                return self._group(parts, "or", name, nested)
            case nodes.Not(child, name):
                said = self.clause(child, nested=True)
                opening = "for whom it" if relative else "it"
                return self._group(
                    [self.pick(f"{opening} is not true that {said}", f"不满足{said}")], "and", name, nested
                )
            case nodes.Xor(children, name):
                said = self.pick("; ", "；").join(self.clause(c, nested=True) for c in children)
                opening = "for whom exactly" if relative else "exactly"
                return self._group(
                    [self.pick(f"{opening} one of these is true: ({said})", f"恰好满足其中一项（{said}）")],
                    "and",
                    name,
                    nested,
                )
            case nodes.Except(children, name):
                kept: list[Node] = [children[0], *(nodes.Not(child) for child in children[1:])]
                parts = [self.clause(c, nested=True, relative=relative) for c in kept]
                return self._group(parts, "and", name, nested)
            case _:
                said = node.clause(self)
                return _relative(said) if relative and self.language == "en" else said

    def _group(self, parts: list[str], joint: str, name: str | None, nested: bool) -> str:
        said = self.pick(f", {word(joint)} ", f"，{word(joint, 'zh')}").join(parts)
        if name is not None:
            return self.pick(f'in "{name}" ({said})', f"“{name}”（{said}）")
        return self.pick(f"({said})", f"（{said}）") if nested and len(parts) > 1 else said

    def tag(self, name: str) -> tuple[str, ValueType | None]:
        """A tag's name for people, and its type where it is known."""
        if self.vocabulary is None:
            return name, None
        try:
            tag = self.vocabulary.tag(name)
        except NotFound:  # the tag was deleted after the rule was saved
            return name, None
        return tag.label.get(self.language, name), tag.type

    def dataset(self, name: str) -> Dataset | None:
        """The dataset, where it is known."""
        try:
            return self.vocabulary.dataset(name) if self.vocabulary else None
        except NotFound:
            return None

    def field(self, dataset: Dataset | None, name: str) -> tuple[str, ValueType | None]:
        """A field's name for people, and its type where it is known."""
        if dataset is None or self.vocabulary is None:
            return name, None
        own = dataset.field(name)
        try:
            kind = find_field(dataset, name, self.vocabulary, "where").type
        except Refused:
            return name, None
        return (own.label.get(self.language, name) if own else name), kind

    def comparison(self, subject: str, op: str, value: Any, kind: ValueType | None, name: str = "") -> str:
        """A subject compared with a value; `name` is that of the tag or field, which may be kept from the reader."""
        words, hides = OPERATORS[op].words(kind).in_(self.language), HIDES.get()
        hidden = hides is not None and name != "" and hides(name)
        return words.replace("{v}", HIDDEN if hidden else self.operand(op, value, kind)).replace("{x}", subject)

    def amount(self, op: str, value: Any) -> str:
        """A number of events: `at least 3`."""
        words = OPERATORS[op].amount
        assert words is not None, op
        return words.in_(self.language).replace("{v}", self.operand(op, value, ValueType.INTEGER))

    def operand(self, op: str, value: Any, kind: ValueType | None) -> str:
        """What stands under `value`, in words."""
        match OPERATORS[op].operand:
            case Operand.NONE:
                return ""
            case Operand.SPAN | Operand.DAYS:
                return read_span(value, "value").words(self.language)
            case Operand.PATH:
                return self.value(" > ".join(read_levels(value, "value")), ValueType.TEXT)
            case Operand.PAIR:
                return self.pick(" to ", "与").join(self.value(v, kind) for v in value)
            case Operand.MANY:
                return self._listed([self.value(v, kind) for v in value])
            case _:
                return self.value(value, kind)

    def _listed(self, values: Sequence[str]) -> str:
        said = self.pick(", ", "、").join(values[:_SHOWN_VALUES])
        if len(values) <= _SHOWN_VALUES:
            return said
        return said + self.pick(f", ... ({len(values):,} in all)", f"等{len(values):,}个")

    def value(self, value: Any, kind: ValueType | None) -> str:
        """One value: text in quotes, numbers with thousands, dates as written."""
        if isinstance(value, Relative):
            return value.words(self.language)
        if isinstance(value, bool):
            return self.pick("true" if value else "false", "是" if value else "否")
        if is_number(value):
            return number(value)
        if kind in (ValueType.DATE, ValueType.MOMENT):
            return str(value)
        return self.pick(f'"{value}"', f"“{value}”")

    def fact(self, value: Any, kind: ValueType) -> str:
        """What is known of someone, in words."""
        if value is None:
            return word("missing", self.language)
        if kind in (ValueType.TEXTS, ValueType.PATH):
            return "[" + ", ".join(self.value(v, ValueType.TEXT) for v in value) + "]"
        if isinstance(value, date):
            return value.isoformat()
        return self.value(value, kind)


def _relative(said: str) -> str:
    """A condition as it follows the people it is about.

    >>> _relative("country is known"), _relative("they have no orders"), _relative("the total Price of orders is 5")
    ('whose country is known', 'who have no orders', 'whose total Price of orders is 5')
    """
    if said.startswith("they "):
        return f"who {said[5:]}"
    return f"whose {said.removeprefix('the ')}"


def number(value: float | Decimal) -> str:
    """A number as people read it.

    >>> number(1234567), number(Decimal("1234.50")), number(0.1), number(1e21)
    ('1,234,567', '1,234.5', '0.1', '1E+21')
    """
    read = exact(value)
    if read is None:
        return str(value)
    if read == 0 or -9 < read.adjusted() < 18:
        text = f"{read:,f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(read.normalize())
