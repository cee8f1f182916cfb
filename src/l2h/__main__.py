"""`python -m l2h`."""

from l2h.cli.main import main

if __name__ == "__main__":
    main()
