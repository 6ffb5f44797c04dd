"""The channels customers write on: what a medium can do (facts), and how Focal behaves on it (policy).

`channel_catalogue` has the channels that Focal knows by itself. A deployment may register more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum

from focal_kernel import errors as kernel_errors
from focal_turn_gateway import errors
from focal_turn_gateway.domain.turns import SupersedeAction

WINDOW_MS_MAX = 60_000
DELAY_MS_MAX = 60_000
PER_MINUTE_MAX = 6_000
PART_CHARS_MIN = 20
"""A part shorter than this could not hold a part number and a word."""
PART_CHARS_MAX = 1_000_000
FRAME_CHARS_MAX = 1_000
"""Characters of a greeting or signature."""


class Markup(StrEnum):
    """How a medium marks text up."""

    PLAIN = "plain"
    COMMONMARK = "commonmark"
    WHATSAPP = "whatsapp"
    TELEGRAM = "telegram"
    SLACK = "slack"
    EMAIL = "email"
    SPEECH = "speech"


class Encoding(StrEnum):
    """What a medium's length limit counts: code points, or the units of GSM 03.38 short messages."""

    CODE_POINTS = "code_points"
    GSM = "gsm"


class UserIds(StrEnum):
    """What the medium calls its users by: names of its own, or addresses that they have elsewhere too."""

    NAMES = "names"
    PHONES = "phones"
    EMAILS = "emails"


@dataclass(frozen=True, slots=True)
class Capability:
    """Facts about a medium.

    `max_chars` is the longest single message, 0 without limit; `fallback` is the channel to try when delivery
    here failed for good, empty for none. `verified_ids`: the medium itself vouches that whoever writes owns
    the address in `user_ids`.
    """

    max_chars: int = 0
    encoding: Encoding = Encoding.CODE_POINTS
    markup: Markup = Markup.PLAIN
    rich_media: bool = False
    content_types: tuple[str, ...] = ("text",)
    delivery_receipts: bool = False
    read_receipts: bool = False
    typing: bool = False
    outbound: bool = True
    fallback: str = ""
    user_ids: UserIds = UserIds.NAMES
    verified_ids: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """How Focal behaves on a channel, with the defaults of a channel that nobody described.

    `window_ms`: base pause of accumulation in ms, 0 answers at once. `supersede_default`: what becomes of a
    message during a turn that the pipeline has no opinion about; None leaves it to the pipeline.
    `natural_delay_ms`: pause before a reply is shown, in ms, for the adapter. `max_messages_per_minute`:
    what an adapter sends to one customer. `max_chars`: longest part, 0 for what the medium takes. `split`:
    long replies become several parts; otherwise they are one, whatever its length. `number_parts`: parts
    begin with their number, as in `(1/3)`. `markup`: use the medium's markup; otherwise replies are plain.
    `parse_text`: replies of content type TEXT are read as CommonMark, which models write without being
    asked. `greeting` and `signature` frame a reply on channels of letters. `link_identities`: who writes for
    the first time from a verified address is the customer whom other channels know by it.
    """

    window_ms: int = 800
    supersede_default: SupersedeAction | None = None
    natural_delay_ms: int = 0
    max_messages_per_minute: int = 60
    max_chars: int = 0
    split: bool = True
    number_parts: bool = False
    markup: bool = True
    parse_text: bool = True
    rich_media: bool = True
    typing_indicator: bool = True
    read_receipts: bool = True
    greeting: str = ""
    signature: str = ""
    link_identities: bool = True


@dataclass(frozen=True, slots=True)
class Override:
    """The fields of a policy that one layer sets; None leaves what the layers below say."""

    window_ms: int | None = None
    supersede_default: SupersedeAction | None = None
    natural_delay_ms: int | None = None
    max_messages_per_minute: int | None = None
    max_chars: int | None = None
    split: bool | None = None
    number_parts: bool | None = None
    markup: bool | None = None
    parse_text: bool | None = None
    rich_media: bool | None = None
    typing_indicator: bool | None = None
    read_receipts: bool | None = None
    greeting: str | None = None
    signature: str | None = None
    link_identities: bool | None = None

    def set_fields(self) -> dict[str, int | bool | str]:
        """Name to value of what is set."""
        values = ((name, getattr(self, name)) for name in POLICY_FIELDS)
        return {name: value for name, value in values if value is not None}

    def over(self, policy: Policy) -> Policy:
        """The policy with the set fields replaced."""
        return replace(policy, **self.set_fields())  # type: ignore[arg-type]

    def checked(self) -> Override:
        """Itself when every field is within its limits. Raises InvalidPolicy that names each that is not."""
        found = [
            kernel_errors.FieldViolation(f"policy.{name}", f"must be {low} to {high}, or left out")
            for name, (low, high) in _RANGES.items()
            if (value := getattr(self, name)) is not None and not low <= value <= high
        ]
        if self.max_chars is not None and not _part_length_fits(self.max_chars):
            words = f"must be 0 or {PART_CHARS_MIN} to {PART_CHARS_MAX} characters"
            found.append(kernel_errors.FieldViolation("policy.max_chars", words))
        for name in ("greeting", "signature"):
            text = getattr(self, name)
            if text is not None and (len(text) > FRAME_CHARS_MAX or "\x00" in text):
                words = f"must be at most {FRAME_CHARS_MAX} characters without NUL"
                found.append(kernel_errors.FieldViolation(f"policy.{name}", words))
        if found:
            raise errors.InvalidPolicy(found)
        return self


POLICY_FIELDS = tuple(field.name for field in fields(Policy))
_RANGES = {
    "window_ms": (0, WINDOW_MS_MAX),
    "natural_delay_ms": (0, DELAY_MS_MAX),
    "max_messages_per_minute": (1, PER_MINUTE_MAX),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an override applies within its tenant; an empty part means all agents, or all channels."""

    agent_id: str = ""
    channel: str = ""

    @property
    def rank(self) -> tuple[bool, bool]:
        """Layers apply in this order: tenant, agent, channel of the tenant, channel of the agent."""
        return bool(self.channel), bool(self.agent_id)


@dataclass(frozen=True, slots=True)
class Layer:
    """One override with its scope."""

    scope: Scope
    override: Override


@dataclass(frozen=True, slots=True)
class Channel:
    """A registered channel with its platform policy."""

    name: str
    capability: Capability = Capability()
    policy: Policy = Policy()

    def resolved(self, layers: Iterable[Layer]) -> Policy:
        """The platform's policy under the layers that apply here, the most specific last."""
        policy = self.policy
        for layer in sorted(layers, key=lambda layer: layer.scope.rank):
            if layer.scope.channel in {"", self.name}:
                policy = layer.override.over(policy)
        return policy


@dataclass(frozen=True, slots=True)
class Registry:
    """All channels of a deployment by name, and the other names that some go by."""

    channels: Mapping[str, Channel]
    aliases: Mapping[str, str]

    def resolve(self, name: str) -> str:
        """The registered name of a channel, aliases followed. Raises UnknownChannel."""
        channel = self.aliases.get(name, name)
        if channel not in self.channels:
            raise errors.UnknownChannel(name, sorted(self.channels))
        return channel

    def channel(self, name: str) -> Channel:
        """A channel by its registered name; one that is no longer registered has nothing but defaults."""
        return self.channels.get(name) or Channel(name)


def _part_length_fits(max_chars: int) -> bool:
    return max_chars == 0 or PART_CHARS_MIN <= max_chars <= PART_CHARS_MAX
