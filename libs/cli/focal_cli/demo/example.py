"""Where the example is: the agent's folder and the shop that it calls."""

from dataclasses import dataclass
from pathlib import Path

from focal_cli.local import errors

AGENT = "returns_desk"
CAREFUL = "careful_desk"
"""An agent whose refund asks first: the toolbox keeps the yes."""
SHOP = "order_service"


@dataclass(frozen=True)
class Example:
    """The folders of the example: the agent, the shop, and the agent whose refund asks first."""

    agent: Path
    shop: Path
    careful: Path


def find() -> Example:
    """The example in the current folder, else in the checkout that this command runs from."""
    for root in (Path.cwd(), *Path(__file__).resolve().parents):
        examples = root / "examples"
        found = Example(examples / AGENT, examples / SHOP, examples / CAREFUL)
        if found.agent.is_dir() and found.shop.is_dir():
            return found
    raise errors.LocalError(
        "the example is not here", f"Run this in a checkout of Focal, which holds examples/{AGENT}."
    )
