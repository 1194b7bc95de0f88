"""The kinds of condition: one module each. `tree.LEAF_KINDS` lists them."""
