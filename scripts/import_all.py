"""Imports every module of a package, so that an undeclared dependency shows wherever it hides."""

from __future__ import annotations

import importlib
import pkgutil
import sys

if __name__ == "__main__":
    package = importlib.import_module(sys.argv[1])
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
