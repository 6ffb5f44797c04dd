"""Makes tool definitions of what others have described: OpenAPI documents and MCP servers.

What is made is a draft for a person to review. Whoever describes an API does not say what a call does to a
business, so whatever may change something is irreversible and not enabled until somebody says otherwise.
Descriptions, hints and names are the provider's words; nothing here trusts them.
"""
