"""Readers: each turns one kind of source into a `Source`, a relation of columns with record numbers."""
