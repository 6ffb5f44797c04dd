from __future__ import annotations

from focal_kernel import errors


def test_an_error_copies_what_it_is_given() -> None:
    metadata = {"limit": "10"}
    error = errors.ResourceExhausted("RATE_LIMIT_EXCEEDED", "slow down", metadata=metadata, retry_after_s=2)
    metadata["limit"] = "changed"
    assert error.metadata == {"limit": "10"}
    assert (str(error), error.reason, error.retry_after_s) == ("slow down", "RATE_LIMIT_EXCEEDED", 2)


def test_every_family_is_a_focal_error() -> None:
    families = [
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)
    ]
    assert len(families) == 14
    assert all(issubclass(family, errors.FocalError) for family in families)
