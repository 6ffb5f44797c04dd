"""What we know: bi-temporal episodes and hybrid recall; later entities, relationships and customer data.

Owns the PostgreSQL schema `memory`, which nobody else reads. No language model is called anywhere in
this service, and it does not know what a turn, a rule or a scenario is.
"""
