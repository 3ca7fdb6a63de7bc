"""The `canvaslake` command."""


def main() -> None:
    """Run the command line."""
    # Here and not above, so that importing the package costs nothing.
    from pipelines.cli import commands
    from pipelines.cli.app import run_app

    commands.register()
    run_app()
