"""The example agent whose refund asks first."""

from pathlib import Path

from focal_config_watcher.core.authoring import reading
from focal_config_watcher.domain.sources import Limits, SourceFile

FOLDER = Path(__file__).parents[3] / "examples" / "careful_desk"


def test_the_careful_desk_is_sound_and_its_refund_asks_for_its_own_arguments() -> None:
    files = [SourceFile(path.name, path.read_text()) for path in sorted(FOLDER.glob("*.yaml"))]
    read = reading.read(files, Limits())
    assert not read.problems
    assert read.bundle is not None
    refund = read.bundle.tools["refund_order"]
    assert (refund.policy, refund.business_key) == ("irreversible", ("order_id",))
    assert all(f"{{{name}}}" in refund.confirm for name in refund.argument_names())
