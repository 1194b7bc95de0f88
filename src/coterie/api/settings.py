"""Settings: seen and changed by admins; secrets are never shown, and what reaches into the machine is set there."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, replace
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from coterie.api.answers import answer
from coterie.api.door import Door, In, Language
from coterie.errors import Refused, unknown_name
from coterie.kit.chinese import help_in
from coterie.settings import SETTINGS, Setting, Settings
from coterie.workspace import FACTS, Workspace, write_atomically

SECRET = frozenset({"smtp_password", "oidc_client_secret", "metadata_url", "jobs_url"})
# Whoever may set these could reach other machines or databases: only the machine's owner does.
OWNERS = frozenset({"metadata_url", "jobs_url", "private_addresses"})
_CHANGING = threading.Lock()


class SettingRequest(BaseModel):
    """A value."""

    value: int | str


def add_to(app: FastAPI) -> None:
    """Add these routes."""

    @app.get("/api/v1/settings")
    def settings(door: In, language: Language = "en") -> Any:
        """All settings with their values and help."""
        return answer({"settings": [{**_row(door.ws, s), "help": help_in(s, language)} for s in SETTINGS]})

    @app.put("/api/v1/settings/{name}")
    def change(name: str, body: SettingRequest, door: In) -> Any:
        """Set a value; some are read when `coterie serve` starts."""
        return answer(_set(door, name, body.value))

    @app.delete("/api/v1/settings/{name}")
    def reset(name: str, door: In) -> Any:
        """Back to the default."""
        return answer(_set(door, name, None))


def _set(door: Door, name: str, value: int | str | None) -> dict[str, Any]:
    setting = next((s for s in SETTINGS if s.name == name), None)
    if setting is None:
        raise unknown_name("setting", name, [s.name for s in SETTINGS])
    _refuse_owners(name)
    with _CHANGING, Workspace.open(door.ws.path) as ws:
        given = {k: v for k, v in ws.facts.settings.items() if k != name}
        if value is not None:
            Settings({name: value}, environment={})  # its type
            given[name] = int(value) if isinstance(setting.default, int) else str(value)
        facts = asdict(replace(ws.facts, settings=given))
        write_atomically(ws.path / FACTS, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
        before = _row(ws, setting)
    with Workspace.open(door.ws.path) as ws:
        after = _row(ws, setting)
    door.note("setting", name, before, after)
    return after


def _refuse_owners(name: str) -> None:
    if name in OWNERS:
        fix = f"Set COTERIE_{name.upper()} in the environment of `coterie serve`."
        raise Refused("not_allowed", f'"{name}" is set on the machine itself.', place=name, fix=fix)
    if f"COTERIE_{name.upper()}" in os.environ:
        fix = "Change it there."
        raise Refused("not_allowed", f'"{name}" is set by the environment.', place=name, fix=fix)


def _row(ws: Workspace, setting: Setting) -> dict[str, Any]:
    value, secret = ws.settings[setting.name], setting.name in SECRET
    return {
        "name": setting.name,
        "value": None if secret else value,
        "set": bool(value) if secret else None,
        "default": setting.default,
        "help": setting.help,
        "secret": secret,
        "changed": value != setting.default,
        "from_environment": f"COTERIE_{setting.name.upper()}" in os.environ,
        "fixed": setting.name in OWNERS,
    }
