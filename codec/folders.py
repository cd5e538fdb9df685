"""The files below a folder; a folder that can't be looked into is told, not passed over."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path


def files_below(
    folder: Path, unread: Callable[[Path, str], None], *, hidden: bool = True
) -> Iterator[Path]:
    """Paths of all files below `folder`, each folder's sorted; linked folders are not followed.

    Args:
        unread: called with each folder that can't be read, and why.
        hidden: files and folders whose names begin with a dot are found too.
    """

    def note(error: OSError) -> None:
        unread(Path(error.filename), f"folder can't be read ({error.strerror})")

    def wanted(name: str) -> bool:
        return hidden or not name.startswith(".")

    for parent, folders, names in os.walk(folder, onerror=note):
        folders[:] = sorted(filter(wanted, folders))
        yield from (Path(parent, name) for name in sorted(names) if wanted(name))
