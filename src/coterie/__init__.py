"""Coterie: customer segmentation and precision marketing in one place.

`coterie.open(path)` is the one way in for notebooks, the command line and the API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coterie.workspace import Workspace

__version__ = "0.1.0"
__all__ = ["__version__", "init", "open"]


def open(path: str, *, read_only: bool = False) -> Workspace:  # the name people read: coterie.open
    """The workspace in folder `path`."""
    from coterie.workspace import Workspace  # heavy: only when a workspace is opened

    return Workspace.open(path, read_only=read_only)


def init(path: str, *, zone: str = "UTC", currency: str = "EUR") -> Workspace:
    """Make an empty workspace in folder `path` and open it."""
    from coterie.workspace import Workspace

    return Workspace.init(path, zone=zone, currency=currency)
