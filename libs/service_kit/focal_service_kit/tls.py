"""Credentials of servers and channels, and the rule that plaintext stays on this machine."""

from __future__ import annotations

from pathlib import Path

import grpc

from focal_service_kit import addresses, settings
from focal_service_kit.config_sources import ConfigError


def server_credentials(chosen: settings.TlsSettings) -> grpc.ServerCredentials | None:
    """What the server shows and asks for; None for plaintext."""
    if chosen.certificate_file is None:
        return None
    return grpc.ssl_server_credentials(
        [(_read(chosen.private_key_file), _read(chosen.certificate_file))],
        root_certificates=_optional(chosen.ca_file),
        require_client_auth=chosen.require_client_certificate,
    )


def channel_credentials(chosen: settings.TlsSettings) -> grpc.ChannelCredentials | None:
    """What a channel trusts, and shows when asked; None for plaintext."""
    if chosen.ca_file is None:
        return None
    return grpc.ssl_channel_credentials(
        root_certificates=_read(chosen.ca_file),
        private_key=_optional(chosen.private_key_file),
        certificate_chain=_optional(chosen.certificate_file),
    )


def problems(chosen: settings.ServiceSettings) -> list[str]:
    """What is wrong with the TLS settings, and a plaintext socket that others could reach."""
    tls = chosen.tls
    found = []
    if (tls.certificate_file is None) != (tls.private_key_file is None):
        found.append("tls.certificate_file, tls.private_key_file: needed together")
    if tls.require_client_certificate and (tls.ca_file is None or tls.certificate_file is None):
        found.append("tls.require_client_certificate: needs ca_file and certificate_file")
    for name in ("certificate_file", "private_key_file", "ca_file"):
        path: Path | None = getattr(tls, name)
        if path is not None and not path.is_file():
            found.append(f"tls.{name}: {path}: no such file")
    if tls.certificate_file is None:
        found += _plaintext(chosen, chosen.grpc.listen, "grpc.listen")
    return found


def check_target(chosen: settings.ServiceSettings, target: str) -> None:
    """ConfigError when a channel would send plaintext, tokens included, to another machine."""
    if chosen.tls.ca_file is None and (found := _plaintext(chosen, target, "peer")):
        raise ConfigError(found)


def _plaintext(chosen: settings.ServiceSettings, address: str, key: str) -> list[str]:
    if chosen.grpc.allow_insecure_remote or addresses.is_loopback(address):
        return []
    return [f"{key}: {address} is not loopback and TLS is off; set tls.* or grpc.allow_insecure_remote"]


def _read(path: Path | None) -> bytes:
    assert path is not None, "checked by problems()"
    return path.read_bytes()


def _optional(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()
