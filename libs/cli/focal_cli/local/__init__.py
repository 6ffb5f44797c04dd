"""The local mesh: embedded servers and the five services as child processes.

Here live the pieces that `focal up`, the mesh tests and the benchmarks share. Nothing here prints
(``status`` renders what it is given) and nothing here imports a service: services are started as
``python -m focal_<name>``.
"""
