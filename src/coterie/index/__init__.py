"""Bitmaps over row numbers: which entities pass a condition, answered in milliseconds, and counts made of them."""
