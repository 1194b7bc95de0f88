"""What a channel is, and which there are.

A plugin is a class, or a function without arguments, behind an entry point of the group `coterie.channels`; it need
import nothing of Coterie: `Channel` and `Connection` below say what it must have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from coterie.audiences.life import EVERY_CHANNEL
from coterie.campaigns.content import Content
from coterie.campaigns.reading import chosen, whole, wrong
from coterie.campaigns.tracking import Tracker
from coterie.destinations.service import Destinations
from coterie.errors import did_you_mean, unknown_name
from coterie.settings import Settings

GROUP = "coterie.channels"
SENT, FAILED, AGAIN, UNKNOWN = "sent", "failed", "again", "unknown"
_OWN = {
    "email": "coterie.campaigns.channels.email:Email",
    "file": "coterie.campaigns.channels.file:FileOutbox",
    "webhook": "coterie.campaigns.channels.webhook:Webhook",
    "sms": "coterie.campaigns.channels.webhook:sms",
    "push": "coterie.campaigns.channels.webhook:push",
    "wechat": "coterie.campaigns.channels.webhook:wechat",
}


class Part(NamedTuple):
    """One part of a channel's messages.

    most : characters it may have; html : whether it is HTML, and so escaped; kind : `text`, or `any` JSON.
    hard : whether a longer one is not sent at all; else people are told of it when they plan.
    """

    name: str
    required: bool = True
    most: int = 100_000
    html: bool = False
    kind: str = "text"
    hard: bool = False


class Parcel(NamedTuple):
    """One message to one recipient.

    n, row, tries : number in the plan, row of the entity, and how often it was tried before.
    key : the same whenever this message is handed over.
    """

    n: int
    row: int
    tries: int
    key: str
    entity: str
    address: str | None
    arm: str
    parts: Mapping[str, Any]


class Outcome(NamedTuple):
    """How a hand-over ended; plugins may give plain tuples.

    state : `sent`; `failed` for good; `again`, to be tried later; `unknown`: it may or may not have been taken.
    events : what is known beside it: (event, seconds after the hand-over, detail).
    """

    state: str
    reason: str | None = None
    events: Sequence[tuple[str, float, str | None]] = ()


@dataclass(frozen=True)
class Surroundings:
    """What a channel may use.

    run : the occurrence, `NAME@N`; folder : the run's own. sign : a token that stands for one recipient of the run and
        that nobody can make who does not know the workspace's secret. tracker : puts such tokens into links.
    """

    run: str
    campaign: str
    folder: Path
    destinations: Destinations
    settings: Settings
    sign: Callable[[int], str]
    options: Mapping[str, Any] = field(default_factory=dict)
    tracker: Tracker | None = None

    def renderer(self, content: Content) -> Callable[[Mapping[str, Any], int], dict[str, Any]]:
        """What makes the parts of a message from values and the recipient's number in the plan."""
        if self.tracker is None or not self.tracker.base:
            return lambda values, _: content.render(values)
        return partial(self.tracker.render, content)

    def unsubscribe_url(self, n: int, token: str | None = None) -> str:
        """Where recipient `n` of the plan unsubscribes with one click; empty where the setting `public_url` is.

        token : what `sign` gave for them, where that is known.
        """
        return f"{self._public}/u/{token or self.sign(n)}" if self._public else ""

    @cached_property
    def _public(self) -> str:
        return str(self.settings["public_url"]).rstrip("/")


class Connection(Protocol):
    """An open way to hand messages over; each thread has one of its own."""

    def send(self, batch: str, parcels: Sequence[Parcel]) -> Sequence[tuple[Any, ...]]:
        """Hand parcels over; an `Outcome` for each, in order. Raises CoterieError: nothing of them was handed over.

        batch : the same for the same parcels, if the channel is `repeatable`.
        """
        ...


class Channel(Protocol):
    """A way to a customer.

    name : as campaigns write it. parts : of its messages; none: any. options : names that a campaign may set.
    address : tag with the address, None where none is needed.
    opt_in : only those who granted consent; else those who did not deny it. permitted_as : the channel of purposes.
    repeatable : whether the same batch may be handed over again and is taken once; else a message whose hand-over was
        cut off is uncertain.
    batch : parcels of one hand-over; connections : hand-overs side by side.
    """

    name: str
    parts: Sequence[Any]
    options: Sequence[str]
    address: str | None
    opt_in: bool
    permitted_as: str
    repeatable: bool
    batch: int
    connections: int

    def check(self, options: Mapping[str, Any]) -> None:
        """Refuse options that cannot be."""
        ...

    def open(self, given: Any) -> AbstractContextManager[Connection]:
        """A connection; `given` are `Surroundings`."""
        ...


_MOST = {"rate_per_second": 1_000_000, "connections": 64, "batch": 100_000}
COMMON_OPTIONS = ("address", "consent", "rate_per_second", "resend_uncertain", "connections", "batch", "track")


@cache
def _plugins() -> dict[str, Any]:
    return {found.name: found for found in entry_points(group=GROUP)}


def channel_names() -> list[str]:
    """All channels that there are."""
    return sorted({*_OWN, *_plugins()})


def find_channel(name: str) -> Channel:
    """The channel of that name. Raises NotFound."""
    if name in _OWN:
        module, _, attribute = _OWN[name].partition(":")
        made: Channel = getattr(import_module(module), attribute)()
        return made
    if name not in _plugins():
        raise unknown_name("channel", name, channel_names(), place="channel")
    plugin: Channel = _plugins()[name].load()()
    return plugin


def check_parts(channel: Channel, given: Mapping[str, Any], place: str) -> None:
    """Refuse parts that a channel's messages do not have, and the lack of those that they need."""
    schema = [Part(*p) for p in channel.parts]
    if not schema:
        return
    names = [part.name for part in schema]
    for name in given:
        if name not in names:
            fix = did_you_mean(name, names) or f"There are: {', '.join(names)}."
            raise wrong(f"{place}.{name}", f"A message by {channel.name} has no such part.", fix)
    for part in schema:
        if part.required and not given.get(part.name):
            raise wrong(f"{place}.{part.name}", f"A message by {channel.name} needs this part.", f"Add `{part.name}:`.")
        if part.kind == "text" and part.name in given and not isinstance(given[part.name], str):
            raise wrong(f"{place}.{part.name}", "This part is a text.", "Write it in quotes.")


def check_options(channel: Channel, given: Mapping[str, Any]) -> None:
    """Refuse options that a channel does not have, or that cannot be so."""
    known = (*COMMON_OPTIONS, *channel.options)
    for option, value in given.items():
        if option not in known:
            fix = did_you_mean(option, known) or f"There are: {', '.join(known)}."
            raise wrong(f"channel.{option}", f"{channel.name} has no such option.", fix)
        if option in _MOST:
            whole(value, f"channel.{option}", least=1, most=_MOST[option])
        if option == "consent":
            chosen(value, EVERY_CHANNEL, "channel.consent")
        if option in ("resend_uncertain", "track") and not isinstance(value, bool):
            raise wrong(f"channel.{option}", "This is neither true nor false.", "Write true or false.")
    channel.check(given)


def too_long(channel: Channel, rendered: Mapping[str, Any]) -> list[str]:
    """Sentences on rendered parts that are longer than the channel takes."""
    limits = {p.name: p.most for p in (Part(*p) for p in channel.parts)}
    return [
        f"{name} has {len(value):,} characters; {channel.name} takes {limits[name]:,}."
        for name, value in rendered.items()
        if isinstance(value, str) and len(value) > limits.get(name, len(value))
    ]


def unfit(channel: Channel) -> Callable[[Mapping[str, Any]], str | None]:
    """Says of a recipient's rendered parts why they are not sent: one that is needed is empty, or one is too long.

    >>> told = unfit(find_channel("sms"))
    >>> told({"text": " "}), told({"text": "x" * 501}), told({"text": "Hi"})
    ('text is empty.', 'text has 501 characters; sms takes 500.', None)
    """
    schema = [Part(*p) for p in channel.parts]
    needed = [p.name for p in schema if p.required and p.kind == "text"]
    limits = [(p.name, p.most) for p in schema if p.hard]

    def _told(parts: Mapping[str, Any]) -> str | None:
        for name in needed:
            if not str(parts.get(name) or "").strip():
                return f"{name} is empty."
        for name, most in limits:
            if len(str(parts.get(name) or "")) > most:
                return f"{name} has {len(str(parts[name])):,} characters; {channel.name} takes {most:,}."
        return None

    return _told
