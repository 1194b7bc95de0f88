"""Tags: recipes, building families as of a moment, values, publishing frames, the dictionary."""
