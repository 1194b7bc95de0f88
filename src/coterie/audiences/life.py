"""What people say of an audience beside its rule: whose it is, what for, how long it holds, when it is computed anew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from coterie.errors import Refused, did_you_mean
from coterie.kit.moments import now, parse_moment, show_moment
from coterie.rules.operators import Words

EVERY_CHANNEL = ("email", "sms", "push", "wechat", "webhook", "file")
STATE = "audience_state"  # kind of the documents that say how the last refresh went
_CLOCK = re.compile(r"daily ([01]?\d|2[0-3]):([0-5]\d)")
_WARNED_DAYS = 7
_MOST_LETTERS = 2_000


class Purpose(NamedTuple):
    """What an audience may be used for."""

    label: Words
    channels: tuple[str, ...]


PURPOSES: Mapping[str, Purpose] = {
    "marketing": Purpose(Words("marketing", "营销"), EVERY_CHANNEL),
    "service": Purpose(Words("service messages", "服务通知"), ("email", "sms", "push", "wechat")),
    "research": Purpose(Words("research", "调研"), ("email", "file")),
    "analysis": Purpose(Words("analysis only", "仅供分析"), ()),
}


@dataclass(frozen=True)
class About:
    """What people say of an audience.

    folder : where it is listed, levels parted by "/"; shared : whether others than the owner see it.
    purpose : one of `PURPOSES`; it decides the permitted channels.
    valid_until : after it the audience can be read, but not refreshed or used by new campaigns; None: for ever.
    refresh : `once` (when asked), `daily HH:MM` in the workspace's zone, or `trigger` (after new data).
    """

    description: str = ""
    owner: str = ""
    folder: str = ""
    shared: bool = True
    purpose: str = "marketing"
    valid_until: str | None = None
    refresh: str = "once"

    @classmethod
    def read(cls, given: Mapping[str, Any], zone: ZoneInfo) -> About:
        """Check what was given; what it lacks has its default.

        >>> About.read({"refresh": "daily 6:30"}, ZoneInfo("UTC")).refresh
        'daily 06:30'

        Raises Refused: unknown names, a purpose that is not on the list, a time that is none.
        """
        known = [f.name for f in fields(cls)]
        for name in given:
            if name not in known:
                fix = did_you_mean(name, known) or f"There are: {', '.join(known)}."
                raise Refused("bad_argument", f'An audience has no "{name}".', place=name, fix=fix)
        made = {**asdict(cls()), **{k: v for k, v in given.items() if v is not None}}
        for name in ("description", "owner", "folder"):
            if not isinstance(made[name], str) or len(made[name]) > _MOST_LETTERS:
                fix = f"Give a text of at most {_MOST_LETTERS:,} characters."
                raise Refused("bad_argument", f"`{name}` is no text.", place=name, fix=fix)
        if made["purpose"] not in PURPOSES:
            fix = did_you_mean(str(made["purpose"]), PURPOSES) or f"There are: {', '.join(PURPOSES)}."
            raise Refused("bad_argument", f'"{made["purpose"]}" is no purpose.', place="purpose", fix=fix)
        if made["valid_until"] is not None:
            moment = parse_moment(str(made["valid_until"]), zone, place="valid_until")
            made["valid_until"] = show_moment(moment, zone)
        made["refresh"] = _mode(str(made["refresh"]))
        return cls(**{**made, "shared": bool(made["shared"])})

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> About:
        """What a stored audience says."""
        return cls(**{f.name: body[f.name] for f in fields(cls) if f.name in body})

    def seen_by(self, name: str) -> bool:
        """Whether somebody who is no admin sees it."""
        return self.shared or self.owner in ("", name)

    @property
    def cron(self) -> str | None:
        """When it is computed anew, as minute, hour, ...; None where no clock decides."""
        match = _CLOCK.fullmatch(self.refresh)
        return None if match is None else f"{int(match[2])} {int(match[1])} * * *"

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that the purpose permits."""
        return PURPOSES[self.purpose].channels

    def validity(self, moment: datetime | None = None) -> Literal["valid", "ending", "expired"]:
        """Whether it still holds; `ending` within the last seven days."""
        if self.valid_until is None:
            return "valid"
        end, at = datetime.fromisoformat(self.valid_until), moment or now()
        return "expired" if at > end else "ending" if at > end - timedelta(days=_WARNED_DAYS) else "valid"

    def told(self) -> dict[str, Any]:
        """What differs from the defaults, as a definitions file has it."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}


def _mode(given: str) -> str:
    match = _CLOCK.fullmatch(given)
    if match is not None:
        return f"daily {int(match[1]):02}:{match[2]}"
    if given in ("once", "trigger"):
        return given
    fix = 'Write "once", "trigger", or "daily 06:30".'
    raise Refused("bad_argument", f'"{given}" is no refresh mode.', place="refresh", fix=fix)
