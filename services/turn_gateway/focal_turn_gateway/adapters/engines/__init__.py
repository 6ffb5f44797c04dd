"""Turn engines: what sees to it that a session is drained by one process at a time, soon, and again if it
dies.
"""
