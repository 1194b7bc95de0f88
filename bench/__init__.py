"""Speed and memory against references, at full size; `make bench` runs all of it, `python -m bench.NAME` one."""
