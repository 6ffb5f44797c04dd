"""The gateway's use cases, one activity per module: accept a message, drain a session, follow its events,
deliver.

They talk to the outside through `ports` only.
"""
