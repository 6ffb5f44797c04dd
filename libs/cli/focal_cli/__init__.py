"""The ``focal`` command and the local mesh.

Commands are thin: they ask ``focal_client`` or the contracts, and render. Nothing here imports a
service; services are separate processes.
"""
