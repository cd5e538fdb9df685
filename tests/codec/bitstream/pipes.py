"""What a file is read from where it can't seek."""

import io


class Pipe(io.BytesIO):
    """It can't seek, and gives few bytes at a time."""

    def seekable(self) -> bool:
        return False

    def seek(self, *place: int) -> int:
        raise OSError("a pipe can't seek")

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or -1, 50) if size != -1 else -1)
