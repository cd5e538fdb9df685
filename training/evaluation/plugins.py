"""Metrics and peers from a package or a file of your own, named as `package.module:NAME`."""

import hashlib
import importlib
import re
import sys
from pathlib import Path

from codec.errors import EvaluationError

_FORM = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def is_plugin(text: str) -> bool:
    """Whether `text` reads `package.module:NAME`.

    >>> is_plugin("my_scores:loudness"), is_plugin("pesq_wb")
    (True, False)
    """
    return _FORM.fullmatch(text) is not None


def load_plugin(text: str) -> object:
    """What `package.module:NAME` names; modules in the current folder are found as well.

    Raises:
        EvaluationError: there is no such module or name, or the module fails when imported.
    """
    module_name, _, name = text.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)  # last, so that no file here hides an installed package
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever a stranger's module does when it is imported
        raise EvaluationError(
            f"{text}: can't import {module_name} ({type(error).__name__}: {error})"
        ) from error
    if not hasattr(module, name):
        raise EvaluationError(f"{text}: {module_name} holds no {name}")
    return getattr(module, name)


def plugin_identity(text: str) -> str:
    """Hash of the file a plug-in lies in, for what is cached under its name; else its name."""
    module = sys.modules.get(text.partition(":")[0])
    source = getattr(module, "__file__", None)
    if not source:
        return text
    return f"{text} {hashlib.sha256(Path(source).read_bytes()).hexdigest()}"
