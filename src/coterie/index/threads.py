"""Two threads that all counting shares: NumPy lets go of the interpreter while it works on an array."""

from concurrent.futures import ThreadPoolExecutor

POOL = ThreadPoolExecutor(2, "index")
