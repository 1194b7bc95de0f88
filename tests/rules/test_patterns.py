"""Patterns: the plain-Python matcher gives what RE2 gives in the engine; what it does not know is refused."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_value
from coterie.errors import Refused
from coterie.rules.patterns import read_pattern
from coterie.settings import Settings

ATOMS = [
    "a", "b", "A", "k", "K", "s", "中", "é", "ß", ".", "\\d", "\\w", "\\s", "\\D", "\\W", "\\S", "[ab]", "[^a]", "[a-z]", "[^a-k中]",
    "[\\d-]", "[]a]", "[a\\]-]", "(?:ab|c)", "(a|b)", "\\.", "\\n", "\\x41", "\\x{4e2d}", "^", "$", "\\b", "\\B", "\\A", "\\z", "-", "{",
    ",", "3", "(?i)", "(?s)", "(?m)", "(?i:aK)", "(?i:[^k])", "|", "()", "\\\\", "/", "_", "[^\\W]", "[\\s中]", "}", "]", "'", '"', "%",
]  # fmt: skip
QUANTIFIERS = ["", "", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,}", "{,2}"]
CHARACTERS = "abcABkKs中éÉ.1 \n-_{}3,SßſK\"'%\\/"

patterns = st.recursive(
    st.sampled_from(ATOMS),
    lambda below: st.lists(
        st.builds("{}{}".format, below | below.map("({})".format), st.sampled_from(QUANTIFIERS)), min_size=1, max_size=4
    ).map("".join),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Engine]:
    with Engine.open(Settings({"threads": 1, "memory_limit_mb": 256})) as engine:
        yield engine


@given(patterns, st.integers(0, 10**6))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_matcher_is_re2(shared: Engine, text: str, seed: int) -> None:
    try:
        pattern = read_pattern(text, "all[0]")
    except Refused:
        return
    rng = random.Random(seed)
    texts = ["", *("".join(rng.choices(CHARACTERS, k=rng.randint(0, 8))) for _ in range(20))]
    example = pattern.example()
    texts += [example] if example is not None else []
    listed = ", ".join(f"({i}, {quote_value(t)})" for i, t in enumerate(texts))
    sql = f"SELECT regexp_matches(t, {quote_value(text)}) FROM (VALUES {listed}) AS v(i, t) ORDER BY i"
    assert [found for (found,) in shared.rows(sql)] == [pattern.found_in(t) for t in texts], text


def test_case_is_folded_as_in_re2(shared: Engine) -> None:
    """Every letter that has another case, with the letters that count as the same."""
    letters = [
        chr(c)
        for c in range(1, 0x1F000)
        if chr(c).lower() != chr(c) or chr(c).upper() != chr(c) or chr(c).casefold() != chr(c)
    ]
    letters = [c for c in letters if len(c.lower()) == 1 and not 0xD800 <= ord(c) <= 0xDFFF]
    others = {c: {c.lower(), c.upper(), c.title(), c.casefold(), *c.swapcase()} for c in letters}
    pairs = [(c, o) for c, found in others.items() for o in found if len(o) == 1]
    listed = ", ".join(f"({i}, {quote_value('(?i)' + c)}, {quote_value(o)})" for i, (c, o) in enumerate(pairs))
    found = shared.rows(f"SELECT i, regexp_matches(o, c) FROM (VALUES {listed}) AS v(i, c, o) ORDER BY i")
    mine = [read_pattern(f"(?i){c}", "x").found_in(o) for c, o in pairs]
    assert [pairs[i] for (i, theirs), own in zip(found, mine, strict=True) if theirs != own] == []


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(a*)*b", "a{0,500}a{0,500}b"])
def test_no_pattern_runs_for_ever(pattern: str) -> None:
    """These take Python's own `re` longer than the age of the universe."""
    started = time.perf_counter()
    read_pattern(pattern, "x").found_in("a" * 400 + "!")
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "The pattern is empty. To find any value, use `exists`."),
        ("(a", "It ends too early. Every `(` needs its `)`."),
        ("a)", '")" is not understood at character 2. Every `)` needs its `(`.'),
        ("[a", '"[" is not understood at character 1. Every `[` needs its `]`.'),
        ("*a", '"*" is not understood at character 1. To find the character itself, write \\*.'),
        ("a**", "Put the repeated part in a group ( ) to repeat it again."),
        ("^*", "A place between characters cannot be repeated."),
        ("a{2,1}", "Write {n,m} with n up to m, at most 1000."),
        ("a{1001}", "Write {n,m} with n up to m, at most 1000."),
        ("(a{500}){500}", "It repeats too much. Repeat at most 1000 times in all."),
        (r"(a)\1", r'"\1" is not understood at character 4.'),
        (r"\p{Han}", r'"\p" is not understood at character 1.'),
        ("a(?=b)", '"(?=" is not understood at character 2. Groups are ( ) and (?: ), flags (?i) (?s) (?m).'),
        ("(?P<x>a)", '"(?P" is not understood at character 1.'),
        ("[[:alpha:]]", r'"[:" is not understood at character 2. Write the characters, such as [a-z], or \d \w \s.'),
        ("[z-a]", "A range is from the lower character to the higher: [a-z]."),
        (r"[a-\d]", "A range is from the lower character to the higher: [a-z]."),
        ("[a-b-c]", r"Write - first or last in [ ], or as \-."),
        ("{2}", r"To find the character itself, write \{."),
        ("a" * 501, "It has 501 characters. At most 500."),
        ("(" * 60 + ")" * 60, "Nest less deeply."),
    ],
)
def test_what_is_refused(pattern: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        read_pattern(pattern, "all[2]")
    assert caught.value.code == "bad_pattern" and caught.value.place == "all[2]"
    assert words in str(caught.value)
