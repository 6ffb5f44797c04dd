"""`focal doctor`: what is missing on this machine, and how to mend it."""

import dataclasses

import typer

from focal_cli import checkup, options, render

COLUMNS = ("", "what", "found", "how to mend it")


def doctor(home: options.Home = options.HOME, json: options.Json = False) -> None:
    """Check that this machine can run the mesh; exits 1 when it cannot."""
    findings = list(checkup.examine(home))
    if json:
        render.as_json([dataclasses.asdict(finding) for finding in findings])
    else:
        render.table("This machine", COLUMNS, [_row(finding) for finding in findings])
    if not all(finding.well for finding in findings):
        raise typer.Exit(1)


def _row(finding: checkup.Finding) -> tuple[str, ...]:
    mark = "[green]✓[/]" if finding.well else "[red]✗[/]"
    return mark, finding.name, finding.detail, finding.mend
