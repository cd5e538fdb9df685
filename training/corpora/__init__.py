"""Recordings to learn from: folders, corpora to download, and batches drawn from both."""

from training.corpora.corpus import Corpus, join_corpora, load_corpus, split_speakers

__all__ = ["Corpus", "join_corpora", "load_corpus", "split_speakers"]
