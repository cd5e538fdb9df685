"""`python -m app` is `nsvq`."""

from app.start import main

if __name__ == "__main__":  # workers of `--jobs` import this module too
    main()
