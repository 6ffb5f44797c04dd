"""One module per command: read options, ask the mesh, render the answer.

What a command needs to know of the mesh lives in ``connection`` and ``admin``; how things look in
``render`` and ``frames``. No command holds a rule of the product.
"""
