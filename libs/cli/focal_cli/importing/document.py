"""Reads an OpenAPI document: fetched, parsed, found valid, its references followed inside it only."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import jsonref
import openapi_spec_validator as validators
import yaml

from focal_cli.local import errors

MAX_BYTES = 10 * 1024 * 1024
TIMEOUT_S = 30.0
SHOWN_PROBLEMS = 5

_VALIDATORS = {
    "3.0": validators.OpenAPIV30SpecValidator,
    "3.1": validators.OpenAPIV31SpecValidator,
}


def read(source: str) -> Mapping[str, Any]:
    """The document at a path or an http(s) URL, references replaced by what they refer to (lazily, so that
    circles are no end). LocalError with all that is wrong.
    """
    document = _parsed(_fetched(source) if source.startswith(("http://", "https://")) else _text(source))
    version = ".".join(str(document.get("openapi", "")).split(".")[:2])
    validator = _VALIDATORS.get(version)
    if validator is None:
        raise errors.LocalError(
            f"this is OpenAPI {version or 'of no stated version'}; 3.0 and 3.1 are read",
            "Convert the document first.",
        )
    _stays_inside(document)
    found = (error for error in validator(document).iter_errors() if not _of_pattern(error))
    if problems := [_problem(error) for error in itertools.islice(found, SHOWN_PROBLEMS)]:
        raise errors.LocalError(f"the document is not valid: {'; '.join(problems)}", "Mend it at its source.")
    replaced: Mapping[str, Any] = jsonref.replace_refs(document, loader=_refused)
    return replaced


class _Loader(yaml.SafeLoader):
    """Dates stay text, as they are in JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _parsed(text: str) -> dict[str, Any]:
    """JSON or YAML; every JSON document is one of YAML."""
    try:
        found = yaml.load(text, _Loader)  # noqa: S506 - derived from SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise errors.LocalError(
            f"the document is neither JSON nor YAML: {said}", "Check the address."
        ) from None
    if not isinstance(found, dict):
        raise errors.LocalError("the document is no OpenAPI document", "Check the address.")
    return found


def _text(path: str) -> str:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise errors.LocalError(f"{path} cannot be read: {error.strerror}", "Check the path.") from None
    return _decoded(content, path)


def _fetched(url: str) -> str:
    try:
        with httpx.stream("GET", url, timeout=TIMEOUT_S, follow_redirects=True) as response:
            response.raise_for_status()
            content = b""
            for piece in response.iter_bytes():
                content += piece
                if len(content) > MAX_BYTES:
                    break
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise errors.LocalError(f"{url} cannot be fetched: {error}", "Check the address.") from None
    return _decoded(content, url)


def _decoded(content: bytes, source: str) -> str:
    if len(content) > MAX_BYTES:
        raise errors.LocalError(
            f"{source} has more than {MAX_BYTES // 1024 // 1024} MiB", "Cut out what is not needed."
        )
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise errors.LocalError(f"{source} is not UTF-8 text", "Save it as UTF-8.") from None


def _stays_inside(document: Mapping[str, Any]) -> None:
    outside = sorted({target for target in _targets(document) if not target.startswith("#")})
    if outside:
        raise errors.LocalError(
            f"the document refers to others, which are not read: {', '.join(outside[:SHOWN_PROBLEMS])}",
            "Bundle it into one file.",
        )


def _targets(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        target = value.get("$ref")
        if isinstance(target, str):
            yield target
        for part in value.values():
            yield from _targets(part)
    elif isinstance(value, list):
        for part in value:
            yield from _targets(part)


def _of_pattern(error: Any) -> bool:
    """Patterns are JavaScript's, and are judged by Python's rules; those that it cannot read are left out."""
    return bool(error.validator == "format" and error.validator_value == "regex")


def _problem(error: Any) -> str:
    where = "/".join(str(part) for part in error.absolute_path)
    return f"{where or '/'}: {str(error.message)[:160]}"


def _refused(uri: str) -> Any:
    """Nothing is fetched; `_stays_inside` has seen to it that nothing wants to be."""
    raise errors.LocalError(f"the document refers to {uri}, which is not read", "Bundle it into one file.")
