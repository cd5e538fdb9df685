"""Where recordings come from: the user's folders, corpora by name, and who is held out."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from codec.errors import TrainingError
from training.corpora.corpus import Corpus, join_corpora, load_corpus, split_speakers

DEV_SHARE = 0.05
"""Of the speakers of corpora by name, those held out where nothing else is given to validate on."""


def default_folder() -> Path:
    """Where downloaded corpora are kept unless another folder is given."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "nsvq-codec" / "corpora"


@dataclass(frozen=True)
class Sources:
    """What to train and to validate on."""

    data: Path | None = None
    """Folder of recordings to train on."""
    corpora: tuple[str, ...] = ()
    """Corpora by name, each perhaps with `:PART`, to train on."""
    dev: Path | None = None
    """Folder of recordings to validate on."""
    dev_corpora: tuple[str, ...] = ()
    """Corpora by name to validate on."""
    folder: Path | None = None
    """Where corpora by name are kept; None for `default_folder`."""

    def load(
        self, sample_rate: int, say: Callable[[str], None] = lambda line: None
    ) -> tuple[Corpus, Corpus | None]:
        """What to train on and what to validate on, if anything.

        Corpora by name give a share of their speakers to validate on where nothing else does.

        Raises:
            TrainingError: nothing to train on, no such corpus, a download that failed.
        """
        own = self._joined(self.data, (), sample_rate, say)
        named = self._joined(None, self.corpora, sample_rate, say)
        dev = self._joined(self.dev, self.dev_corpora, sample_rate, say)
        if named is not None and dev is None:
            named, dev = split_speakers(named, DEV_SHARE)
            dev = dev if dev.clips else None
        found = [corpus for corpus in (own, named) if corpus is not None]
        if not found:
            raise TrainingError("nothing to train on; give a folder or a corpus by name")
        return join_corpora(found), dev

    def _joined(
        self,
        data: Path | None,
        names: tuple[str, ...],
        sample_rate: int,
        say: Callable[[str], None],
    ) -> Corpus | None:
        found = [load_corpus(data, sample_rate)] if data is not None else []
        if names:
            from training.corpora.catalog import load_named  # locks files, as not every system can

            found.append(load_named(names, self.folder or default_folder(), sample_rate, say))
        return join_corpora(found) if found else None
