"""API tokens: random, shown once, kept only as their SHA-256."""

from __future__ import annotations

import hashlib
import secrets

from coterie.errors import Refused
from coterie.kit.moments import now
from coterie.store.service import Store

KIND = "token"
_SETUP = "setup"


def setup_token(store: Store) -> str | None:
    """A fresh one-time token that makes the first API token; None once that was done."""
    if any(d.name != _SETUP for d in store.all(KIND)):
        return None
    token = secrets.token_urlsafe(24)
    store.put(KIND, _SETUP, {"sha256": _digest(token), "created_at": now().isoformat()})
    return token


def exchange(store: Store, given: str, name: str) -> str:
    """Trade the setup token for an API token called `name`.

    Raises Refused(`not_allowed`): it is not the setup token, or it was used.
    """
    setup = store.find(KIND, _SETUP)
    if setup is None or not secrets.compare_digest(setup.body["sha256"], _digest(given)) or name == _SETUP:
        fix = "Start `coterie serve` and use the token it prints."
        raise Refused("not_allowed", "This is not the setup token.", place="token", fix=fix)
    store.delete(KIND, _SETUP)
    token = "cot_" + secrets.token_urlsafe(32)
    store.put(KIND, name, {"sha256": _digest(token), "created_at": now().isoformat()})
    return token


def holder(store: Store, token: str) -> str | None:
    """The name under which an API token was made, or None."""
    digest = _digest(token)
    found = (d.name for d in store.all(KIND) if d.name != _SETUP and secrets.compare_digest(d.body["sha256"], digest))
    return next(found, None)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
