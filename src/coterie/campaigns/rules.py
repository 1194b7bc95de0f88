"""What holds for all campaigns of a workspace: caps on how often a customer is addressed, and the global holdout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from coterie.campaigns.definition import Campaign
from coterie.campaigns.reading import chosen, listed, money, parts, share, text, whole
from coterie.engines.sql import quote_value
from coterie.kit.moments import before, now

KIND, NAME = "campaign_rules", "all"
SCOPES = ("global", "channel", "category", "brand")


@dataclass(frozen=True)
class Cap:
    """At most `limit` messages within a span: of all campaigns, or of those with this channel, category or brand.

    value : the channel, category or brand; None: of whichever the campaign has, each counted by itself.
    """

    scope: str
    limit: int
    within: str
    value: str | None = None

    @property
    def label(self) -> str:
        """As the plan shows it.

        >>> Cap("channel", 3, "7d").label
        'channel: 3 in 7d'
        """
        return f"{self.scope}: {self.limit} in {self.within}"

    def condition(self, campaign: Campaign) -> str | None:
        """SQL over events: those that count for a campaign; None where the cap does not touch it."""
        if self.scope == "global":
            return "true"
        own = str(getattr(campaign, self.scope))
        if not own or self.value not in (None, own):
            return None
        return f"{self.scope} = {quote_value(own)}"

    def since(self, at: datetime, tz: ZoneInfo) -> datetime:
        """From when on messages count."""
        return before(at, self.within, tz)


@dataclass(frozen=True)
class Rules:
    """Caps, the share of customers whom no campaign reaches, and what a message costs by channel, where the campaign
    does not say."""

    caps: tuple[Cap, ...] = ()
    holdout: float = 0.0
    salt: str = "global holdout"
    costs: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Rules:
        """The rules that were kept."""
        return cls(tuple(Cap(**cap) for cap in body["caps"]), body["holdout"], body["salt"], body.get("costs", {}))

    @classmethod
    def read(cls, given: Any, tz: ZoneInfo) -> Rules:
        """Read `{caps: [{scope: channel, limit: 3, within: 7d}], holdout: 0.05, costs: {sms: 0.04}}`.

        >>> Rules.read({"caps": [{"limit": 3, "within": "7d"}]}, ZoneInfo("UTC")).caps
        (Cap(scope='global', limit=3, within='7d', value=None),)
        """
        found = parts(given, ("caps", "holdout", "salt", "costs"), "rules")
        caps = []
        for n, cap in enumerate(listed(found.get("caps", []), "caps")):
            made, place = parts(cap, ("scope", "limit", "within", "value"), f"caps[{n}]"), f"caps[{n}]"
            within = text(made.get("within", "7d"), f"{place}.within")
            before(now(), within, tz, place=f"{place}.within")
            scope = chosen(made.get("scope", "global"), SCOPES, f"{place}.scope")
            caps.append(
                Cap(scope, whole(made.get("limit"), f"{place}.limit", least=0, most=10_000), within, made.get("value"))
            )
        salt = text(found.get("salt", "global holdout"), "salt")
        costs = {k: money(v, f"costs.{k}") for k, v in parts(found.get("costs", {}), None, "costs").items()}
        return cls(tuple(caps), share(found.get("holdout", 0), "holdout"), salt, costs)
