"""``python -m versim``: the ``versim`` command, where its script is not on the path."""

from versim.cli import main

if __name__ == "__main__":
    main()
