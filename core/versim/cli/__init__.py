"""The command line. It parses and delegates: what it does can be done from Python too.

``group`` holds the group and its exit statuses, each command is a module of its own, imported when it is used.
"""


def main() -> None:
    """The ``versim`` command."""
    from versim.cli.group import cli  # noqa: PLC0415 - so that importing versim.cli costs nothing

    cli(prog_name="versim")
