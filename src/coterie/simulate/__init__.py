"""A world with known truth: `shop.simulate_shop` writes the files of a shop and, apart, what is true of it."""
