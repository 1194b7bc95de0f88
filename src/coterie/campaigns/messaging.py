"""What doors need to write messages: the channels there are, and where tests go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from coterie.campaigns.channels.base import COMMON_OPTIONS, Channel, Part, channel_names, find_channel
from coterie.campaigns.preview import ADDRESSES, EVERYWHERE
from coterie.campaigns.words import channel_label
from coterie.errors import Refused
from coterie.learn.segments.words import Language

if TYPE_CHECKING:
    from coterie.campaigns.service import Campaigns

_MOST = 20
_LINKS = ("url", "link", "image")


def channel_rows(language: Language = "en") -> list[dict[str, Any]]:
    """Every channel: what it is called, parts, options, which purposes permit it, and whether its links are tracked."""
    return [_channel_row(find_channel(name), language) for name in channel_names()]


def _channel_row(channel: Channel, language: Language) -> dict[str, Any]:
    parts = [Part(*p) for p in channel.parts]
    kinds = [{"name": p.name, "label": p.name, "kind": _kind(p), "max": p.most, "required": p.required} for p in parts]
    return {
        "channel": channel.name,
        "label": channel_label(channel.name, language),
        "parts": kinds,
        "options": [*COMMON_OPTIONS, *channel.options],
        "permits": channel.permitted_as,
        "opt_in": channel.opt_in,
        "address": channel.address,
        "tracked": any(p.html for p in parts),
    }


def _kind(part: Part) -> str:
    if part.html:
        return "html"
    return "url" if any(word in part.name for word in _LINKS) and part.kind == "text" else part.kind


def test_addresses(campaigns: Campaigns) -> list[str]:
    """Where test messages go unless somebody says otherwise."""
    found = campaigns.context.store.find(ADDRESSES, EVERYWHERE)
    return [] if found is None else list(found.body["addresses"])


def set_test_addresses(campaigns: Campaigns, addresses: Sequence[str]) -> list[str]:
    """Remember them."""
    kept = list(dict.fromkeys(a.strip() for a in addresses if a.strip()))
    if len(kept) > _MOST:
        raise Refused(
            "bad_argument", f"{len(kept)} addresses are too many.", place="addresses", fix=f"At most {_MOST}."
        )
    campaigns.context.store.put(ADDRESSES, EVERYWHERE, {"addresses": kept})
    return kept
