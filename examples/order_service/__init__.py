"""A small real shop back end for the returns desk: orders, return labels, refunds, over HTTP and
SQLite.

It plays the party that Focal does not control. By default a repeated refund request is paid again,
as careless shops do, so that a lost guard on our side becomes a visible second refund. Nothing of
Focal is imported here.
"""
