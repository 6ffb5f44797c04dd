"""Takes secrets out of texts that leave the process, in the forms in which a provider may echo them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote, quote_plus

from focal_kernel import canonical_json
from focal_toolbox.domain.answer import Answer

MASK = "[secret]"
SHORTEST = 8
"""Characters; what is shorter could be a part of any word and is not looked for."""


class Redaction:
    """Knows `secrets`, longer ones first, so that a secret inside another leaves no rest."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = [secret for secret in secrets if len(secret) >= SHORTEST]
        found = {form for secret in known for form in _forms(secret)}
        self._forms = sorted(found, key=len, reverse=True)
        self._as_words = [secret.lower() for secret in known]

    def text(self, text: str) -> str:
        """The text with a mask for every secret in it."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def json(self, text: str) -> str:
        """Canonical JSON with masks in its texts and keys; a number that is a secret becomes the mask."""
        if not any(form in text for form in self._forms):
            return text
        return canonical_json.dumps(self._value(canonical_json.loads(text)))

    def answer(self, answer: Answer) -> Answer:
        """A provider's answer without secrets."""
        if not self._forms:
            return answer
        return replace(
            answer,
            result_json=self.json(answer.result_json) if answer.result_json else "",
            reason=self._word(answer.reason),
            message=self.text(answer.message),
        )

    def _word(self, reason: str) -> str:
        """Reasons are in lower case, whatever the provider wrote."""
        return MASK if any(word in reason.lower() for word in self._as_words) else reason

    def _value(self, value: Any) -> Any:
        match value:
            case str():
                return self.text(value)
            case list():
                return [self._value(item) for item in value]
            case dict():
                return self._members(value)
            case None | bool():
                return value
        return MASK if MASK in self.text(canonical_json.dumps(value)) else value

    def _members(self, value: dict[str, Any]) -> dict[str, Any]:
        """Two keys that are equal once they are masked stay two."""
        found: dict[str, Any] = {}
        for key, member in value.items():
            name = self.text(key)
            while name in found:
                name += "'"
            found[name] = self._value(member)
        return found


NO_SECRETS = Redaction()


def _forms(secret: str) -> Iterator[str]:
    """As it is, in a URL, inside a JSON text, inside a JSON text in a JSON text, and in base64."""
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield (escaped := canonical_json.dumps(secret)[1:-1])
    yield canonical_json.dumps(escaped)[1:-1]
    encoded = base64.b64encode(secret.encode()).decode()
    yield encoded
    yield encoded.rstrip("=")
