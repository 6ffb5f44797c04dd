"""What memory keeps and how it is asked: frozen values and pure rules.

No input or output, no protobuf, no SQL and no embedding model here.
"""
