"""What can go wrong in the pipeline.

FocalError
├── AgentNotFound · VersionNotFound   NOT_FOUND: nothing published under that name or number
├── AgentDisabled                     NOT_FOUND: published, but switched off
├── BundleUnusable                    FAILED_PRECONDITION: this replica cannot run the bundle
├── EmbeddingMismatch                 INVALID_ARGUMENT: the bundle's vectors are of another model
├── ConfigUnavailable                 UNAVAILABLE: the bundle is not cached and cannot be fetched
├── StreamProtocol                    FAILED_PRECONDITION: frames in the wrong order
├── MemoryAway                        UNAVAILABLE: no recall this time; never fails a turn
├── Fenced                            ABORTED: a newer attempt holds the session; stop
└── ModelFailed                       UNAVAILABLE: one model gave no usable answer; never leaves the chain
    └── StreamCut                     it broke off in the middle of its answer
"""

from __future__ import annotations

from focal_kernel import errors


class AgentNotFound(errors.NotFound):
    """The agent has no published version."""

    def __init__(self, agent_id: str) -> None:
        super().__init__("AGENT_NOT_FOUND", f"agent '{agent_id}' has no published version")


class VersionNotFound(errors.NotFound):
    """The agent has no such version."""

    def __init__(self, agent_id: str, version: int) -> None:
        super().__init__("VERSION_NOT_FOUND", f"agent '{agent_id}' has no version {version}")


class AgentDisabled(errors.NotFound):
    """The agent is published and does not answer."""

    def __init__(self, agent_id: str) -> None:
        super().__init__("AGENT_NOT_FOUND", f"agent '{agent_id}' is disabled")


class BundleUnusable(errors.FailedPrecondition):
    """A bundle that passed validation elsewhere cannot run here."""

    def __init__(self, why: str) -> None:
        super().__init__("INVALID_BUNDLE", why)


class EmbeddingMismatch(errors.InvalidArgument):
    """Vectors of two embedding models cannot be compared."""

    def __init__(self, bundle_model: str, own_model: str) -> None:
        super().__init__(
            "EMBEDDING_MISMATCH",
            f"the bundle was compiled with '{bundle_model}', this pipeline embeds with '{own_model}'",
            metadata={"bundle": bundle_model, "pipeline": own_model},
        )


class ConfigUnavailable(errors.Unavailable):
    """config_watcher does not answer and the bundle is not cached."""

    def __init__(self) -> None:
        super().__init__("DEPENDENCY_UNAVAILABLE", "the agent's bundle cannot be fetched at the moment")


class StreamProtocol(errors.FailedPrecondition):
    """A frame came out of order."""

    def __init__(self, why: str) -> None:
        super().__init__("STREAM_PROTOCOL", why)


class Fenced(errors.Aborted):
    """The toolbox refused this attempt's epoch."""

    def __init__(self) -> None:
        super().__init__("FENCED", "a newer attempt of the session is running")


class MemoryAway(errors.Unavailable):
    """Memory did not answer; `why` is a word fit for an event."""

    def __init__(self, why: str) -> None:
        super().__init__("DEPENDENCY_UNAVAILABLE", f"memory did not answer: {why}")
        self.why = why


class ModelFailed(errors.Unavailable):
    """One language model failed; `kind` says how in a word fit for a metric."""

    def __init__(self, model: str, kind: str) -> None:
        super().__init__("MODEL_UNAVAILABLE", f"model '{model}' failed: {kind}")
        self.model = model
        self.kind = kind


class StreamCut(ModelFailed):
    """The answer broke off; what arrived before was possibly shown already."""

    def __init__(self, model: str) -> None:
        super().__init__(model, "cut_stream")
