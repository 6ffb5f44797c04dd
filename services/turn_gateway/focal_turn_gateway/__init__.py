"""When: ingress, sessions, logical turns, commit, events and delivery.

What lives here decides *when* a turn is complete and makes it durable. What a rule, a scenario or a tool
means may not live here: the pipeline decides what is said, and the session state it returns is stored unread.
"""
