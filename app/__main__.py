"""`python -m app` is `nsvq`."""

from app.cli import main

if __name__ == "__main__":  # workers of `--jobs` import this module too
    main()
