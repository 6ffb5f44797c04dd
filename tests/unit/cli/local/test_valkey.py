import os

import pytest
import redis


def test_a_caller_without_the_password_is_refused(valkey_server: str) -> None:
    if "FOCAL_REDIS_URL" in os.environ:
        pytest.skip("the server is not ours")
    address = valkey_server.rpartition("@")[2]
    with redis.Redis.from_url(f"redis://{address}") as stranger, pytest.raises(redis.RedisError):
        stranger.ping()
