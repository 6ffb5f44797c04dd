"""Replies posted to URLs of channel adapters."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from focal_service_kit import settings
from focal_turn_gateway.domain.callbacks import OnDoubt


class Callback(settings.Section):
    """One receiver."""

    url: str = Field(description="where parts of replies are posted; https and public unless allow_local")
    secret: SecretStr = Field(
        SecretStr(""), description="key of the signatures, 32 to 256 printable ASCII characters"
    )
    secret_file: Path | None = Field(None, description="file that holds the key, instead of `secret`")
    on_doubt: OnDoubt = Field(
        OnDoubt.HOLD,
        description="a part that may have arrived waits for a person (hold), or is posted again (resend):"
        " only for receivers that tell repeats by X-Focal-Delivery",
    )

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if bool(self.secret.get_secret_value()) == (self.secret_file is not None):
            raise ValueError("needs secret or secret_file, one of the two")
        return self


class Callbacks(settings.Section):
    """Destinations without idempotency keys: each part of a reply is one HTTP request."""

    to: dict[str, Callback] = Field(
        default_factory=dict,
        description="`channel` or `tenant.channel` to its callback; its replies go there, not on the stream",
    )
    allow_local: bool = Field(
        False, description="permit http and addresses that are not public, e.g. an adapter in the cluster"
    )
    timeout_s: float = Field(10, gt=0, description="seconds one request may take")
    retries: int = Field(
        8, ge=0, description="attempts after the first before a part that cannot be handed over is FAILED"
    )
    retry_min_s: float = Field(1, gt=0, description="seconds before the second attempt; doubles after")
    retry_max_s: float = Field(60, gt=0, description="longest pause between attempts, seconds")
    parallel: int = Field(8, gt=0, description="requests of this process to one callback at once")
    poll_s: float = Field(1, gt=0, description="seconds between looks without a hint")
    claim_s: float = Field(
        30,
        gt=0,
        description="seconds after which a request that nobody noted the end of is in doubt; more than"
        " timeout_s",
    )

    @model_validator(mode="after")
    def _outlived(self) -> Self:
        if self.claim_s <= self.timeout_s:
            raise ValueError("claim_s must be more than timeout_s")
        return self
