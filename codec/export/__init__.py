"""Networks written for other runtimes."""

from codec.export.files import FORMATS, export

__all__ = ["FORMATS", "export"]
