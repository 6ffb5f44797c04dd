"""ReportToolResult on the wire: the one call that needs no login, since its token says which effect it is
about.
"""

from __future__ import annotations

from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal_service_kit import logging
from focal_toolbox.core.reporting import Reporting
from focal_toolbox.transport import report_codec


class ReportTaking:
    """Decodes, calls the core, encodes."""

    def __init__(self, reporting: Reporting, max_bytes: int) -> None:
        self._reporting = reporting
        self._max_bytes = max_bytes

    async def take(self, request: pb.ReportToolResultRequest) -> pb.ReportToolResultResponse:
        """The effect as it stands, without anything of the conversation."""
        report = report_codec.report_from_proto(request, self._max_bytes)
        effect = await self._reporting.report(request.token, report)
        logging.bind(tenant=effect.tenant_id, tool=effect.tool_name, effect=effect.effect_id)
        return pb.ReportToolResultResponse(effect=report_codec.reported_to_proto(effect))
