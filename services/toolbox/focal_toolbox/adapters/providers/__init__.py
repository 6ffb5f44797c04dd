"""Adapters to the counterparts that carry tools out; `app` lists them by the name tools use.

An adapter builds a request without sending it, sends it, and judges the answer. It knows neither
policies nor the ledger, and lets no secret and no response body into a message.
"""
