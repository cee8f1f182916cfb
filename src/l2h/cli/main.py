"""`l2h`: the command line. Commands load when they are called, so `--help` answers at once."""

import difflib
import importlib
import os
import sys
from collections.abc import Sequence

import click

from l2h import __version__
from l2h.cli.table import COMMANDS
from l2h.core.errors import L2HError


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called; `--help` lists them from COMMANDS alone."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command = importlib.import_module(module).COMMANDS[cmd_name]
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean '{near[0]}'?", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands, in the order of the chain"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="l2h")
def cli() -> None:
    """From 1 m imagery, 10 m land-cover products and OpenStreetMap to a 1 m land-cover map.

    Exit status: 0 done, 1 failed, 2 wrong usage, 3 done with holes (something could not be read; see the report).
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: errors of ours become one block on standard error and their exit status."""
    try:
        status = cli.main(args=arguments, prog_name="l2h", standalone_mode=False)
    except L2HError as error:
        if os.environ.get("L2H_DEBUG"):
            raise
        click.echo(f"l2h: {error}", err=True)
        sys.exit(error.exit_status)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nl2h: interrupted. What was finished is kept; run the same command to go on.", err=True)
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output has gone: nothing left to say, and no one to say it to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # a folder without rights, a disk that fails: the system's words, and the file
        if os.environ.get("L2H_DEBUG"):
            raise
        click.echo(f"l2h: {error.strerror or error} ({error.filename or 'no file named'})", err=True)
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)
