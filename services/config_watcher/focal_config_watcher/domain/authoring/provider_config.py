"""`config:` of a tool, by the provider that it names."""

from collections.abc import Mapping

from pydantic import Field

from focal_config_watcher.domain.authoring.fields import Definition, Text


class InternalConfig(Definition):
    """A Python function of a package that the toolbox is set to load."""

    function: Text = Field(description="name under which the function is registered")


KINDS: Mapping[str, type[Definition]] = {"internal": InternalConfig}
