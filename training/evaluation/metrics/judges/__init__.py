"""Judges: models by others that say how natural speech sounds, whose voice it is, what is said.

Each file wraps one package of the extra `judges`; its model comes inside the package and is loaded
once a process, when first used. A judge is never a loss and never picks weights step by step.
"""
