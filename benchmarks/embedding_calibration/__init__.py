"""Finds the decision limits that fit an embedding, on labelled examples of a returns desk.

The examples live in `labelled/*.yaml`, one file per language. Nothing here is imported by a
service: what a run prints is copied into the embedder's `thresholds` by hand, in a commit that says
so.
"""
