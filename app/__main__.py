"""`python -m app` is `nsvq`."""

from app.cli import main

main()
