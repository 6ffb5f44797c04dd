"""The pipeline: what an agent says and does in one turn.

A function over a snapshot: session state, messages and a bundle version go in, events and a result
with staged changes come out. It keeps caches and open connections, never a database of its own, and
it knows nothing about when a turn starts, is committed or delivered.
"""
