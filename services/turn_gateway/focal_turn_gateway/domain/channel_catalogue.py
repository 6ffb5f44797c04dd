"""The channels that Focal knows by itself. Sources: DOMAIN §2.5 (windows) and §10 (lengths, rates, delays),
else the medium's own documentation as noted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from focal_kernel import ids
from focal_turn_gateway.domain.channels import (
    Capability,
    Channel,
    Encoding,
    Markup,
    Policy,
    Registry,
    UserIds,
)
from focal_turn_gateway.domain.turns import SupersedeAction

ALIASES: Mapping[str, str] = {"webchat": "web", "phone": "voice"}
_CHAT_CONTENT = ("text", "image", "audio", "document", "location", "contact")

CATALOGUE: tuple[Channel, ...] = (
    Channel(
        "whatsapp",
        Capability(
            max_chars=4096,
            markup=Markup.WHATSAPP,
            rich_media=True,
            content_types=_CHAT_CONTENT,
            delivery_receipts=True,
            read_receipts=True,
            typing=True,
            fallback="sms",
            user_ids=UserIds.PHONES,
            verified_ids=True,
        ),
        Policy(window_ms=1200),
    ),
    Channel(
        "sms",
        Capability(
            max_chars=160,
            encoding=Encoding.GSM,
            delivery_receipts=True,
            fallback="email",
            user_ids=UserIds.PHONES,
            verified_ids=True,
        ),
        Policy(window_ms=800, max_messages_per_minute=30, typing_indicator=False, read_receipts=False),
    ),
    # Bot API, sendMessage: 1 to 4096 characters after entities parsing.
    Channel(
        "telegram",
        Capability(
            max_chars=4096,
            markup=Markup.TELEGRAM,
            rich_media=True,
            content_types=_CHAT_CONTENT,
            typing=True,
        ),
        Policy(window_ms=1000, read_receipts=False),
    ),
    Channel(
        "web",
        Capability(
            max_chars=10_000,
            markup=Markup.COMMONMARK,
            rich_media=True,
            content_types=("text", "markdown", "html", "image", "document"),
            delivery_receipts=True,
            read_receipts=True,
            typing=True,
        ),
        Policy(window_ms=600, natural_delay_ms=500),
    ),
    # chat.postMessage: best within 4,000 characters, cut after 40,000.
    Channel(
        "slack",
        Capability(
            max_chars=4000,
            markup=Markup.SLACK,
            rich_media=True,
            content_types=("text", "image", "document"),
        ),
        Policy(window_ms=800, typing_indicator=False, read_receipts=False),
    ),
    # A message of a bot is at most about 28 KB; 7,000 characters fit whatever they are in UTF-8.
    Channel(
        "teams",
        Capability(
            max_chars=7000,
            markup=Markup.COMMONMARK,
            rich_media=True,
            content_types=("text", "markdown", "image", "document"),
            typing=True,
        ),
        Policy(window_ms=800, read_receipts=False),
    ),
    # Anybody can write any sender above a letter: whoever received it has to say that it is true.
    Channel(
        "email",
        Capability(
            markup=Markup.EMAIL,
            rich_media=True,
            content_types=("text", "html", "image", "document"),
            delivery_receipts=True,
            user_ids=UserIds.EMAILS,
        ),
        Policy(window_ms=0, max_messages_per_minute=10, typing_indicator=False, read_receipts=False),
    ),
    Channel(
        "voice",
        # Caller ids can be chosen by the caller.
        Capability(max_chars=500, markup=Markup.SPEECH, content_types=("audio",), user_ids=UserIds.PHONES),
        Policy(
            window_ms=0,
            supersede_default=SupersedeAction.SUPERSEDE,
            natural_delay_ms=300,
            max_messages_per_minute=20,
            typing_indicator=False,
            read_receipts=False,
        ),
    ),
    # Callers of the API aggregate themselves and show what they like.
    Channel(
        "api",
        Capability(markup=Markup.COMMONMARK, rich_media=True, content_types=("text", "markdown", "html")),
        Policy(window_ms=0, typing_indicator=False, read_receipts=False),
    ),
)


def known(name: str) -> Channel:
    """The channel of the catalogue, or one with defaults."""
    return next((channel for channel in CATALOGUE if channel.name == name), Channel(name))


def registry(more: Iterable[Channel] = (), aliases: Mapping[str, str] | None = None) -> Registry:
    """The catalogue with channels added, or replaced where the name is known.

    Raises ValueError for a name that is no id of ours, an alias or fallback that leads nowhere, or an alias
    that hides a channel.
    """
    channels = {channel.name: channel for channel in (*CATALOGUE, *more)}
    names = {**ALIASES, **(aliases or {})}
    for name in (*channels, *names):
        ids.check_id(name, "channels")
    fallbacks = {channel.capability.fallback for channel in channels.values()} - {""}
    if lost := sorted((fallbacks | set(names.values())) - set(channels)):
        raise ValueError(f"aliases and fallbacks lead to channels that are not registered: {', '.join(lost)}")
    if hidden := sorted(set(names) & set(channels)):
        raise ValueError(f"these are both a channel and an alias: {', '.join(hidden)}")
    return Registry(channels, names)
