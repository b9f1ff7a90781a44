"""The command line. It parses and delegates: what it does can be done from Python too.

``group`` holds the group and its exit statuses, each command is a module of its own, imported when it is used.
"""


def main() -> None:
    """The ``versim`` command."""
    try:
        from versim.cli.group import cli  # noqa: PLC0415 - so that importing versim.cli costs nothing
    except KeyboardInterrupt:  # somebody was faster than the imports
        raise SystemExit(130) from None
    cli(prog_name="versim")
