"""What can go wrong in the gateway.

focal_kernel.errors.FocalError
├── InvalidArgument  EmptyText · TextTooLong · UnknownChannel · InvalidField · InvalidPolicy
├── NotFound         SessionNotFound · TurnNotFound · DeadLetterNotFound · WebhookNotFound · ReplyPartNotFound
│                    CustomerNotFound · DeliveryNotFound
├── OutOfRange       EventsRemoved
├── AlreadyExists    RequestIdReused
├── FailedPrecondition StreamProtocol · SessionEnded · NothingRuns · TurnClosed · CommitPointPassed
│                    · DeliveryNotResolvable
├── Aborted          TurnMoved · SessionChanged
├── PermissionDenied CustomerBlocked
├── ResourceExhausted QueueFull · RateLimited · Crowded · TooManyWebhooks · SessionFull
├── Unavailable      StoreUnavailable · FenceUnavailable · StreamsUnavailable
└── DeadlineExceeded ReplyNotReady
Exception            (never leave the process)
├── AttemptLost      another attempt of the session is newer: stop, touch nothing
├── AttemptFailed    the pipeline could not run the attempt
├── Undeliverable    a destination will never take what it was given
├── NotUndoneYet     effects still stand that the toolbox is to undo
├── ClaimLost        another process may have taken the delivery: send nothing
├── Poison           an entry of a routed stream that can never become a message
├── CacheAway        Valkey does not answer
├── StreamsAway      the router's streams do not answer
├── StreamLost       another gateway may have become the stream's reader
└── StreamGone       there is no such stream (any more)
"""

from __future__ import annotations

from focal_kernel import errors


class EmptyText(errors.InvalidArgument):
    """A message without a visible character."""

    def __init__(self) -> None:
        super().__init__(
            "EMPTY_TEXT",
            "the text holds no visible character",
            violations=[errors.FieldViolation("content.text", "write at least one visible character")],
        )


class TextTooLong(errors.InvalidArgument):
    """A message over the limit of characters."""

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(
            "TEXT_TOO_LONG",
            f"the text has {length} characters, {limit} are allowed",
            metadata={"length": str(length), "limit": str(limit)},
            violations=[errors.FieldViolation("content.text", f"at most {limit} characters")],
        )


class UnknownChannel(errors.InvalidArgument):
    """A channel that is not in the registry."""

    def __init__(self, channel: str, known: list[str]) -> None:
        super().__init__(
            "UNKNOWN_CHANNEL",
            f"channel {channel[:64]!r} is not one of {', '.join(known)}",
            metadata={"channel": channel[:64], "known": ",".join(known)},
            violations=[errors.FieldViolation("address.channel", f"one of {', '.join(known)}")],
        )


class InvalidField(errors.InvalidArgument):
    """A field that breaks its stated limit."""

    def __init__(self, field: str, description: str) -> None:
        super().__init__(
            "INVALID_FIELD", f"{field}: {description}", violations=[errors.FieldViolation(field, description)]
        )


class InvalidPolicy(errors.InvalidArgument):
    """A channel policy with fields outside their limits; every one is listed."""

    def __init__(self, violations: list[errors.FieldViolation]) -> None:
        named = "; ".join(f"{each.field} {each.description}" for each in violations)
        super().__init__("INVALID_FIELD", named, violations=violations)


class SessionNotFound(errors.NotFound):
    """No such session for the caller's tenant."""

    def __init__(self, session_id: str) -> None:
        super().__init__("SESSION_NOT_FOUND", f"session '{session_id}' does not exist")


class TurnNotFound(errors.NotFound):
    """No such turn for the caller's tenant."""

    def __init__(self, turn_id: str) -> None:
        super().__init__("TURN_NOT_FOUND", f"turn '{turn_id}' does not exist")


class DeadLetterNotFound(errors.NotFound):
    """No such dead letter for the caller's tenant: it was put back, dropped or trimmed."""

    def __init__(self, dead_letter_id: str) -> None:
        super().__init__("DEAD_LETTER_NOT_FOUND", f"dead letter '{dead_letter_id}' does not exist")


class EventsRemoved(errors.OutOfRange):
    """Events behind the asked place are past their retention; `first_available` is the first offset of a
    session that is still there, None for a tenant's log.
    """

    def __init__(self, first_available: int | None = None) -> None:
        known = first_available is not None
        start = f"the first is {first_available}" if known else "begin with from_oldest"
        super().__init__(
            "EVENTS_REMOVED",
            f"events behind this place are past their retention; {start}",
            metadata={"first_available": str(first_available)} if known else {},
        )


class WebhookNotFound(errors.NotFound):
    """No such webhook for the caller's tenant."""

    def __init__(self, webhook_id: str) -> None:
        super().__init__("WEBHOOK_NOT_FOUND", f"webhook '{webhook_id}' does not exist")


class TooManyWebhooks(errors.ResourceExhausted):
    """The tenant has as many webhooks as it may."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            "TOO_MANY_WEBHOOKS",
            f"the tenant has {limit} webhooks and may not have more; delete one first",
            metadata={"limit": str(limit)},
        )


class ReplyPartNotFound(errors.NotFound):
    """A part of a reply that was not sent for the caller's tenant."""

    def __init__(self) -> None:
        super().__init__("REPLY_PART_NOT_FOUND", "no such part of a reply was sent, or it was removed since")


class CustomerNotFound(errors.NotFound):
    """No such customer for the caller's tenant."""

    def __init__(self, customer_id: str) -> None:
        super().__init__("CUSTOMER_NOT_FOUND", f"customer '{customer_id}' does not exist")


class DeliveryNotFound(errors.NotFound):
    """No such delivery for the caller's tenant."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__(
            "DELIVERY_NOT_FOUND", f"delivery '{delivery_id[:64]}' does not exist, or was removed"
        )


class DeliveryNotResolvable(errors.FailedPrecondition):
    """A decision about a delivery that waits for none."""

    def __init__(self, delivery_id: str, state: str) -> None:
        super().__init__(
            "DELIVERY_NOT_RESOLVABLE",
            f"delivery '{delivery_id}' is {state}: there is nothing to decide about it",
            metadata={"state": state},
        )


class RequestIdReused(errors.AlreadyExists):
    """A request id that came with other content before."""

    def __init__(self) -> None:
        super().__init__("REQUEST_ID_REUSED", "this request_id was used with other content; use a new one")


class StreamProtocol(errors.FailedPrecondition):
    """A stream frame out of order."""

    def __init__(self, message: str) -> None:
        super().__init__("STREAM_PROTOCOL", message)


class QueueFull(errors.ResourceExhausted):
    """The session has as many unanswered messages as may wait; nothing of this one is stored."""

    def __init__(self, limit: int, retry_after_s: float) -> None:
        super().__init__(
            "QUEUE_FULL",
            f"{limit} messages of this session wait for a turn already; send this one again later",
            metadata={"limit": str(limit)},
            retry_after_s=retry_after_s,
        )


class SessionEnded(errors.FailedPrecondition):
    """A session that takes nothing more."""

    def __init__(self, session_id: str) -> None:
        super().__init__("SESSION_ENDED", f"session '{session_id}' has ended")


class NothingRuns(errors.FailedPrecondition):
    """A cancel without a turn to cancel."""

    def __init__(self, session_id: str) -> None:
        super().__init__("NO_RUNNING_TURN", f"no turn runs in session '{session_id}'")


class TurnClosed(errors.FailedPrecondition):
    """A cancel that comes after the turn's end."""

    def __init__(self, turn_id: str, status: str) -> None:
        super().__init__(
            "TURN_CLOSED", f"turn '{turn_id}' has ended as {status}", metadata={"status": status}
        )


class CommitPointPassed(errors.FailedPrecondition):
    """A cancel that comes after an irreversible effect: what has happened is told to the end."""

    def __init__(self, turn_id: str) -> None:
        super().__init__(
            "COMMIT_POINT_PASSED", f"turn '{turn_id}' has begun an irreversible effect and will be finished"
        )


class TurnMoved(errors.Aborted):
    """A turn whose attempts follow one another faster than a cancel."""

    def __init__(self, session_id: str) -> None:
        super().__init__("TURN_MOVED", f"the turn of session '{session_id}' went on meanwhile; try again")


class SessionChanged(errors.Aborted):
    """An update meant for a state that the session no longer has."""

    def __init__(self, session_id: str) -> None:
        super().__init__(
            "SESSION_CHANGED", f"session '{session_id}' has changed since its etag was read; read it again"
        )


class SessionFull(errors.ResourceExhausted):
    """An update that would leave a session with more than it may keep."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(
            "SESSION_FULL", f"a session keeps at most {limit} {what}", metadata={"limit": str(limit)}
        )


class FenceUnavailable(errors.Unavailable):
    """The toolbox does not say what the turn has done, so nobody may stop it."""

    def __init__(self) -> None:
        super().__init__(
            "DEPENDENCY_UNAVAILABLE",
            "the toolbox does not answer, so the turn cannot be stopped safely; try again",
            metadata={"dependency": "toolbox"},
            retry_after_s=1.0,
        )


class RateLimited(errors.ResourceExhausted):
    """The tenant, or one of its customers, sends more messages than its window takes; nothing is stored."""

    def __init__(self, whose: str, limit: int, *, reset_s: float, retry_after_s: float) -> None:
        super().__init__(
            "RATE_LIMIT_EXCEEDED",
            f"the {whose}'s {limit} messages of this window are used up",
            metadata={"scope": whose, "limit": str(limit), "reset_s": f"{reset_s:.3f}"},
            retry_after_s=retry_after_s,
        )


class Crowded(errors.ResourceExhausted):
    """The process is busy and the tenant has enough waiting in it already; nothing is stored."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(
            "RATE_LIMIT_EXCEEDED",
            "many conversations of this tenant wait for a turn already; send this message again later",
            metadata={"scope": "backlog"},
            retry_after_s=retry_after_s,
        )


class CustomerBlocked(errors.PermissionDenied):
    """The customer is blocked; nothing is stored. Why, and for how long, only the tenant's people learn."""

    def __init__(self) -> None:
        super().__init__("BLOCKED", "messages of this customer are not taken")


class StoreUnavailable(errors.Unavailable):
    """PostgreSQL does not answer; nothing of the request is stored, or it is stored and a repeat finds it."""

    def __init__(self) -> None:
        super().__init__(
            "DEPENDENCY_UNAVAILABLE",
            "the message store does not answer; repeat with the same request_id",
            metadata={"dependency": "postgres"},
            retry_after_s=1.0,
        )


class StreamsUnavailable(errors.Unavailable):
    """Valkey does not answer; nothing has changed, or a repeat finds that it has."""

    def __init__(self) -> None:
        super().__init__(
            "DEPENDENCY_UNAVAILABLE",
            "the router's streams do not answer; repeat with the same request_id",
            metadata={"dependency": "redis"},
            retry_after_s=1.0,
        )


class ReplyNotReady(errors.DeadlineExceeded):
    """The caller's deadline passed before the turn was committed."""

    def __init__(self, message_id: str) -> None:
        super().__init__(
            "DEADLINE_EXCEEDED",
            "the message is stored and will be answered; repeat with the same request_id to fetch the reply",
            metadata={"message_id": message_id},
        )


class AttemptLost(Exception):
    """A newer attempt of the session exists: this one must neither commit nor cause an effect."""


class AttemptFailed(Exception):
    """The pipeline could not run the attempt; `fatal` when trying again cannot help, `unserved` when only the
    models behind it did not answer.
    """

    def __init__(self, reason: str, *, fatal: bool, unserved: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fatal = fatal
        self.unserved = unserved


class Undeliverable(Exception):
    """A destination refused what it was given and would refuse it again."""


class NotUndoneYet(Exception):
    """The toolbox could not undo all effects now, and may soon."""


class ClaimLost(Exception):
    """The claim on a delivery has lapsed: another process may have taken it, or a person settled it."""


class Poison(Exception):
    """An entry of a routed stream that can never become a message; `reason` is an ErrorReason's name."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class CacheAway(Exception):
    """Valkey does not answer."""


class StreamsAway(Exception):
    """The router's streams do not answer."""


class StreamLost(Exception):
    """The stream is not, or no longer, this process's to read."""


class StreamGone(Exception):
    """There is no such stream, or something else has its name."""
