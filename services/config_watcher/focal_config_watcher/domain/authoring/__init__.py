"""An agent as its authors write it: one pydantic model per kind of definition.

The field names are the keys of the YAML files and the descriptions are what authors read in
messages, so this package *is* the authoring format. What refers to what is checked elsewhere
(`core.authoring.checks`).
"""
