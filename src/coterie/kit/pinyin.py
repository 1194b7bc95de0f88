"""How Chinese words are typed with Latin letters, so that they are found by them."""

from __future__ import annotations

import re
from functools import lru_cache

_HAN = re.compile(r"[\u3400-\u9fff]")


@lru_cache(maxsize=20_000)
def spelled(text: str) -> str:
    """The syllables of a text run together, and their first letters; empty for one without Chinese in it.

    >>> spelled("消费金额"), spelled("近30天订单"), spelled("Spent")
    ('xiaofeijine xfje', 'jin30tiandingdan j30tdd', '')
    """
    if _HAN.search(text) is None:
        return ""
    from pypinyin import Style, lazy_pinyin

    syllables, letters = lazy_pinyin(text), lazy_pinyin(text, style=Style.FIRST_LETTER)
    return " ".join("".join(part).replace(" ", "").lower() for part in (syllables, letters))
