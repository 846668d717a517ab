"""Network file systems are recognised by the mount that holds the path."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from maskwatch.storage.filesystem import network_filesystem_of


@dataclass(frozen=True)
class Mount:
    mountpoint: str
    fstype: str


MOUNTS = [
    Mount("/", "ext4"),
    Mount("/mnt/share", "nfs4"),
    Mount("/mnt/share/local", "xfs"),
    Mount("/mnt/win", "cifs"),
    Mount("/home/bob/cloud", "fuse.sshfs"),
    Mount("/over", "nfs"),
    Mount("/over", "tmpfs"),
]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/maskwatch.db", None),
        ("/mnt/share/maskwatch.db", "nfs4"),
        ("/mnt/shared/maskwatch.db", None),
        ("/mnt/share/local/maskwatch.db", None),
        ("/mnt/win/deep/down/maskwatch.db", "cifs"),
        ("/home/bob/cloud/maskwatch.db", "fuse.sshfs"),
        ("/over/maskwatch.db", None),
    ],
)
def test_the_deepest_and_newest_mount_decides(path: str, kind: str | None) -> None:
    assert network_filesystem_of(Path(path), MOUNTS) == kind


def test_this_machine_can_be_asked(tmp_path: Path) -> None:
    assert network_filesystem_of(tmp_path / "not-there-yet.db") in (None, "9p")
