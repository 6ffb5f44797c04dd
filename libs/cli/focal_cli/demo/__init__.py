"""The demonstration: a few conversations with the returns desk, and what must hold of each.

Here live the scenes, their claims, and the shop that the desk calls. The scenes speak to the mesh
as any front end would, through ``focal_client``; they look into nothing that a caller cannot see.
"""
