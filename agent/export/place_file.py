"""A file in a second place: linked or copied, whole or not at all."""

import os
import shutil
from pathlib import Path

from agent.errors import UsageError


def place_file(source: Path, place: Path, staging: Path, copy: bool) -> None:
    """Makes `place` a hard link to `source`, a symbolic one across file systems, or with `copy` a file of its own.

    What is in place is left alone. `staging` is a folder on the file system of `place` where unfinished files may lie.
    Raises UsageError when it can't be written.
    """
    unfinished = staging / f".unfinished-{os.getpid()}"
    try:
        if _is_in_place(source, place, copy):
            return
        unfinished.unlink(missing_ok=True)
        if copy:
            shutil.copy2(source, unfinished)
            with unfinished.open("r+b") as file:
                os.fsync(file.fileno())
        else:
            _link(source, unfinished)
        unfinished.replace(place)
    except OSError as problem:
        raise UsageError(f"can't write {place}: {problem.strerror or problem}; choose another --out") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _link(source: Path, link: Path) -> None:
    try:
        link.hardlink_to(source)
    except OSError:  # another file system, or one without hard links
        link.symlink_to(source)


def _is_in_place(source: Path, place: Path, copy: bool) -> bool:
    if not place.exists():
        return False
    if not copy:
        return place.samefile(source)
    here, there = place.lstat(), source.stat()
    if place.is_symlink() or os.path.samestat(here, there):
        return False
    return (here.st_size, here.st_mtime_ns) == (there.st_size, there.st_mtime_ns)
