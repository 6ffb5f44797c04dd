import os

import pytest

from focal_cli.local import children, privilege

ID = "/usr/bin/id"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_root_bears_another_id_in_the_namespace() -> None:
    if not privilege.namespaces_work():
        pytest.skip("user namespaces are forbidden here")
    assert children.run(children.Command([ID, "-u"], user="namespace:1234"), 10) == (0, "1234\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_root_can_become_another_user() -> None:
    code, output = children.run(children.Command([ID], user="65534:65534"), 10)
    assert code == 0
    assert "uid=65534" in output
    assert "groups=65534" in output
    assert "(root)" not in output
