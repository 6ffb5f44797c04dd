"""How each medium writes marks, from its own documentation."""

from __future__ import annotations

import html
from collections.abc import Mapping

from focal_turn_gateway.domain.channels import Markup
from focal_turn_gateway.domain.styled_text import Dialect, Marks


def _html_escape(text: str) -> str:
    return html.escape(text, quote=False)


def _slack_link(url: str) -> Marks:
    return f"<{_html_escape(url).replace('|', '%7C').replace('>', '%3E')}|", ">"


def _html_link(url: str) -> Marks:
    return f'<a href="{html.escape(url)}">', "</a>"


PLAIN = Dialect()
SPEECH = Dialect(bullet="", quote="", rule="", urls=False)
WHATSAPP = Dialect(
    strong=("*", "*"), emphasis=("_", "_"), strike=("~", "~"), code=("`", "`"), block=("```", "```")
)
# mrkdwn; `&`, `<` and `>` are its only control characters.
SLACK = Dialect(
    strong=("*", "*"),
    emphasis=("_", "_"),
    strike=("~", "~"),
    code=("`", "`"),
    block=("```", "```"),
    bullet="• ",
    escape=_html_escape,
    link=_slack_link,
)
# parse_mode HTML: escaping three characters is safer than MarkdownV2's eighteen.
TELEGRAM = Dialect(
    strong=("<b>", "</b>"),
    emphasis=("<i>", "</i>"),
    strike=("<s>", "</s>"),
    code=("<code>", "</code>"),
    block=("<pre>", "</pre>"),
    bullet="• ",
    escape=_html_escape,
    link=_html_link,
)

DIALECTS: Mapping[Markup, Dialect] = {
    Markup.PLAIN: PLAIN,
    Markup.SPEECH: SPEECH,
    Markup.WHATSAPP: WHATSAPP,
    Markup.SLACK: SLACK,
    Markup.TELEGRAM: TELEGRAM,
    Markup.EMAIL: PLAIN,
}
"""CommonMark is missing: what is written in it is passed on."""
