"""Messages about delivery that come back by mail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message

from coterie.campaigns import events

_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


@dataclass(frozen=True)
class Bounce:
    """What a mail server reported of one message.

    event : `bounced` or `delivered`. status : as in RFC 3463, such as 5.1.1. permanent : no later try helps.
    """

    event: str
    message_id: str
    address: str
    status: str
    said: str
    permanent: bool


def read_bounce(content: bytes) -> Bounce | None:
    """Read a report in the form of RFC 3464; None where it is something else, or still waits (`delayed`)."""
    message = message_from_bytes(content, policy=policy.default)
    fields: dict[str, str] = {}
    original = ""
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            for block in part.get_payload():
                if isinstance(block, Message):
                    fields |= {k.lower(): " ".join(str(v).split()) for k, v in block.items()}
        elif kind in ("message/rfc822", "text/rfc822-headers"):
            original = original or _message_id(part)
    action = fields.get("action", "").lower()
    if action not in ("failed", "delivered", "relayed") or not original:
        return None
    status = next(iter(_STATUS.findall(fields.get("status", ""))), "")
    address = fields.get("final-recipient", fields.get("original-recipient", "")).rpartition(";")[2].strip()
    event = events.BOUNCED if action == "failed" else events.DELIVERED
    permanent = action == "failed" and status.startswith("5")
    return Bounce(event, original, address, status, fields.get("diagnostic-code", "")[:200], permanent)


def _message_id(part: Message) -> str:
    payload = part.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        return str(payload[0].get("Message-ID", ""))
    found = re.search(r"(?im)^message-id:\s*(<[^>]+>)", str(payload))
    return found[1] if found else ""
