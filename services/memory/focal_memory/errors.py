"""What memory refuses.

InvalidArgument
├── BadEpisode           one episode of a stream cannot be stored, so none is
└── StreamTooLarge       more than one stream may carry
FailedPrecondition
└── EmbeddingMismatch    the store's vectors come from another model than this process's
"""

from __future__ import annotations

from collections.abc import Sequence

from focal_kernel import errors

_SHOWN_ID_CHARS = 64


class BadEpisode(errors.InvalidArgument):
    """Names the episode by its place in the stream and by its id; metadata `index` and `episode_id`."""

    def __init__(
        self, reason: str, index: int, episode_id: str, violations: Sequence[errors.FieldViolation]
    ) -> None:
        shown = episode_id[:_SHOWN_ID_CHARS]
        first = violations[0]
        super().__init__(
            reason,
            f"episode {index} ({shown!r}): {first.field} {first.description}; nothing was stored",
            metadata={"index": str(index), "episode_id": shown},
            violations=[
                errors.FieldViolation(f"episodes[{index}].{wrong.field}", wrong.description)
                for wrong in violations
            ],
        )


class StreamTooLarge(errors.InvalidArgument):
    """Says which limit; the caller sends several streams instead."""

    def __init__(self, what: str, limit: int) -> None:
        description = f"one stream may carry at most {limit} {what}; send several"
        super().__init__(
            "INVALID_FIELD",
            f"{description}; nothing was stored",
            metadata={"limit": str(limit)},
            violations=[errors.FieldViolation("episodes", description)],
        )


class EmbeddingMismatch(errors.FailedPrecondition):
    """Vectors of two models cannot be compared, so neither writing nor recall goes on."""

    def __init__(self, stored: str, ours: str) -> None:
        super().__init__(
            "EMBEDDING_MISMATCH",
            f"the store holds vectors of '{stored}', this process embeds with '{ours}': set"
            " FOCAL_MEMORY__EMBEDDING__* back to the stored model, or stop the service and run"
            " `python -m focal_memory.reembed`",
            metadata={"stored": stored, "configured": ours},
        )
