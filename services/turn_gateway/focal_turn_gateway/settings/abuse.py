"""What is held against customers, for how long, and by which figures (DOMAIN §10)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from focal_service_kit import settings
from focal_turn_gateway.domain.abuse import Level, Terms
from focal_turn_gateway.domain.abuse_detectors import BotFigures, OftenFigures, SpamFigures


class RateHits(settings.Section):
    """Customers whose own limit refuses them again and again."""

    more_than: int = Field(
        10, ge=1, description="refused messages within the window from above which it is abuse"
    )
    window_s: float = Field(3600, gt=0, description="seconds looked back; a hit counts up to 1/12 longer")
    level: Level = Field(Level.HIGH, description="how grave it is: LOW, MEDIUM, HIGH or CRITICAL")
    most: int = Field(
        20_000, gt=0, description="addresses whose hits are remembered in Valkey per twelfth of the window"
    )


class SafetyRefusals(settings.Section):
    """Customers whom agents refuse for safety again and again."""

    more_than: int = Field(
        5, ge=0, description="turns with a refusal within the window from above which it is abuse"
    )
    window_s: float = Field(86_400, gt=0, description="seconds looked back")
    level: Level = Field(Level.MEDIUM, description="as for rate hits")
    names: tuple[Annotated[str, Field(pattern=r"^policy\.[a-z0-9_.]+$")], ...] = Field(
        ("policy.safety_refusal",), description="names of the agents' events that tell of such a refusal"
    )


class Spam(settings.Section):
    """Customers that write the same few texts."""

    messages: int = Field(5, ge=1, description="messages within the window from which on texts are compared")
    unique_share: float = Field(
        0.3, ge=0, le=1, description="share of different texts below which it is spam"
    )
    window_s: float = Field(1800, gt=0, description="seconds looked back; two looks, should one be lost")
    level: Level = Field(Level.LOW, description="as for rate hits")


class Bot(settings.Section):
    """Customers that write faster and more evenly than a person."""

    turns: int = Field(
        10, ge=2, description="turns within the window from which on their intervals are judged"
    )
    mean_s: float = Field(5, gt=0, description="mean interval below which it is a bot, seconds")
    variance_s2: float = Field(
        1, gt=0, description="variance of the intervals below which it is, seconds squared"
    )
    window_s: float = Field(1800, gt=0, description="seconds looked back; two looks, should one be lost")
    level: Level = Field(Level.MEDIUM, description="as for rate hits")


class Abuse(settings.Section):
    """Customers that abuse a tenant's agents. Admission looks at them only where `rates.enabled`."""

    detect: bool = Field(True, description="look for them; off, only people decide")
    every_s: float = Field(900, gt=0, description="seconds between looks, by one of the gateways")
    most: int = Field(1000, gt=0, description="customers that one detector finds per look, the worst first")
    rate_hits: RateHits = RateHits()
    safety_refusals: SafetyRefusals = SafetyRefusals()
    spam: Spam = Spam()
    bot: Bot = Bot()
    low_h: float = Field(24, gt=0, description="hours a customer is watched (LOW)")
    medium_h: float = Field(24, gt=0, description="hours a customer is restricted (MEDIUM)")
    high_h: float = Field(24, gt=0, description="hours a customer is blocked (HIGH); CRITICAL has no end")
    refresh_s: float = Field(
        30, gt=0, description="seconds between writes of all blocks to Valkey, by one of the gateways"
    )
    poll_s: float = Field(
        1,
        gt=0,
        description="seconds between looks whether a flush has taken them; for so long they are lifted",
    )
    told_s: float = Field(
        600,
        gt=0,
        description="seconds a block stays in Valkey unless written anew; one whose lifting could not be told"
        " to Valkey ends by then",
    )

    def terms(self) -> Terms:
        """How long each level holds."""
        return Terms(self.low_h, self.medium_h, self.high_h)

    def often(self, chosen: RateHits | SafetyRefusals) -> OftenFigures:
        """The figures of a detector that counts."""
        return OftenFigures(chosen.more_than, chosen.level)

    def spam_figures(self) -> SpamFigures:
        """The figures of spam."""
        return SpamFigures(self.spam.messages, self.spam.unique_share, self.spam.level)

    def bot_figures(self) -> BotFigures:
        """The figures of bots."""
        return BotFigures(self.bot.turns, self.bot.mean_s, self.bot.variance_s2, self.bot.level)
