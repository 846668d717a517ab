"""`python -m maskwatch` is the command line."""

from maskwatch.cli import main

if __name__ == "__main__":
    main()
