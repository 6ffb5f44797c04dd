"""From files to a checked bundle: folder → YAML with positions → shapes → references.

Each stage yields problems with file, line and column and goes on as far as it can, so that an
author sees everything at once. Nothing here stores or compiles.
"""
