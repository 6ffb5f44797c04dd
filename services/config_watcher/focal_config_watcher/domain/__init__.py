"""What the service talks about: sources, problems, definitions, versions, pointers, tenants.

Frozen values and pure rules only; no input or output, no protobuf, no YAML.
"""
