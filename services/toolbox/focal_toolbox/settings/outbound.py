"""Where requests may lead."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from focal_service_kit import settings
from focal_toolbox.domain.addresses import Network
from focal_toolbox.domain.hosts import Pattern


def _host(text: str) -> str:
    Pattern.read(text)
    return text


Host = Annotated[str, AfterValidator(_host)]


class OutboundSettings(settings.Section):
    """Hosts and networks that tools may reach. A host that a URL in `variables` names need not be listed."""

    hosts: tuple[Host, ...] = Field(
        (),
        description="hosts that tools of every tenant may reach, e.g. api.example.com, *.example.com:8443;"
        " * is every host that a definition, and no argument, names",
    )
    tenant_hosts: dict[str, tuple[Host, ...]] = Field(
        default={}, description="further hosts by tenant id, for tools of that tenant only"
    )
    networks: tuple[Network, ...] = Field(
        (),
        description="networks that may be reached although they are not the public internet,"
        " e.g. 10.0.0.0/8; loopback and metadata addresses are refused unless listed here",
    )
