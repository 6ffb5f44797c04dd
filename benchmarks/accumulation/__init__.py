"""Replays recorded conversations on a virtual clock and says what each way to wait would have cost.

The policies, their figures and what is learnt of a customer are the gateway's own code and defaults; only the
clock and the reply are made up: a reply is sent a fixed time after the wait has ended.
"""
