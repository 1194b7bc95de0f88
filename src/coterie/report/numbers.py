"""Numbers as people read them."""

from __future__ import annotations

import math


def plain(value: float) -> str:
    """Three significant digits and thousands separators; whole numbers stay whole.

    >>> [plain(v) for v in (12345.6, 1234.0, 3.14159, 0.00123, 0.0, float("nan"), -42.0)]
    ['12,346', '1,234', '3.14', '0.00123', '0', '–', '-42']
    """
    if not math.isfinite(value):
        return "–"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 8)}f}".rstrip("0").rstrip(".")


def percent(share: float) -> str:
    """A share as a percentage, with one decimal below ten per cent.

    >>> [percent(v) for v in (0.253, 0.0421, 1.0, 0.0, float("nan"))]
    ['25%', '4.2%', '100%', '0%', '–']
    """
    if not math.isfinite(share):
        return "–"
    hundred = 100 * share
    return f"{hundred:.0f}%" if hundred >= 9.95 or hundred == 0 else f"{hundred:.1f}%"


def signed(value: float) -> str:
    """A difference with its sign, two decimals.

    >>> signed(0.314), signed(-1.0), signed(-0.001)
    ('+0.31', '−1.00', '+0.00')
    """
    shown = f"{abs(value):.2f}"
    return f"{'−' if value < 0 and float(shown) else '+'}{shown}"
