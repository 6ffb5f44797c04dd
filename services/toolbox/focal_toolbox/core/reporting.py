"""Takes the report of a provider that was given a token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from focal_toolbox import errors
from focal_toolbox.domain import report as tokens
from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.domain.effect import Effect
from focal_toolbox.domain.redaction import NO_SECRETS
from focal_toolbox.domain.report import Report
from focal_toolbox.ports.meter import ReportMeter
from focal_toolbox.ports.reports import Reports
from focal_toolbox.ports.secrecy import Secrecy


class Reporting:
    """Tells each of `hears` the effect that was reported on: hints, what counts is in the ledger."""

    def __init__(
        self,
        reports: Reports,
        meter: ReportMeter,
        *hears: Callable[[str], None],
        secrecy: Secrecy = NO_SECRETS,
    ) -> None:
        self._reports = reports
        self._meter = meter
        self._hears = hears
        self._secrecy = secrecy

    async def report(self, token: str, report: Report) -> Effect:
        """Record the report; the effect as it stands.

        Once for a token: a repeat of the same content returns the effect again. Raises TokenInvalid for
        anything else, without saying what was wrong, and Unavailable.
        """
        effect = None
        if tokens.wellformed(token):
            effect = await self._reports.report(tokens.token_hash(token), self._concealed(report))
        self._meter.reported(report.state if effect else None)
        if effect is None:
            raise errors.TokenInvalid
        for hear in self._hears:
            hear(effect.effect_id)
        return effect

    def _concealed(self, report: Report) -> Report:
        said = self._secrecy.answer(Answer(Verdict.DONE, report.result_json, report.error_reason))
        return replace(report, result_json=said.result_json, error_reason=said.reason)
