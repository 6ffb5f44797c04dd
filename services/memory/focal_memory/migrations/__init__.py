"""The schema `memory`, revision by revision; applied by `python -m focal_memory migrate`.

Only statements live here. What the tables mean is in docs/adr/0070 and 0071.
"""

SCHEMA = "memory"
