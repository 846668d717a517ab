"""Is a file on a network file system? SQLite's locks cannot be trusted there."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import psutil

_NETWORK_KINDS = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "ncpfs", "ceph", "glusterfs",
        "lustre", "9p", "beegfs", "gpfs", "ocfs2", "afpfs", "webdav", "davfs", "davfs2",
        "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.rclone", "fuse.davfs2",
        "fuse.juicefs", "fuse.smbnetfs",
    }
)  # fmt: skip


class Mount(Protocol):
    """One line of the mount table, as psutil gives it."""

    @property
    def mountpoint(self) -> str:
        """Folder where it is mounted."""

    @property
    def fstype(self) -> str:
        """Kind of file system, for example "ext4"."""


def network_filesystem_of(path: Path, mounts: Iterable[Mount] | None = None) -> str | None:
    """The kind of the network file system that holds a path, or None where it is a local one.

    Args:
        path: A file or folder; need not exist.
        mounts: The mount table; None reads this machine's.
    """
    table = psutil.disk_partitions(all=True) if mounts is None else mounts
    real = os.path.realpath(path)
    kind, depth = "", -1
    for mount in table:
        point = mount.mountpoint.rstrip("/") or "/"
        holds = real == point or real.startswith(point if point == "/" else f"{point}/")
        # `>=`: of two mounts on one folder, the later one is what is seen.
        if holds and len(point) >= depth:
            kind, depth = mount.fstype.lower(), len(point)
    return kind if kind in _NETWORK_KINDS else None
