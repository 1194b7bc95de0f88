"""`coterie`: the commands, their common options, and how errors are shown."""

from __future__ import annotations

import gc
import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from coterie import __version__
from coterie.cli import output
from coterie.errors import CoterieError, Refused

app = typer.Typer(
    name="coterie",
    help="Customer segmentation and precision marketing: tags, exact audiences, segments that last.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich help costs 0.15 s at every start
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    workspace: Annotated[
        Path, typer.Option("-w", "--workspace", envvar="COTERIE_WORKSPACE", help="The workspace's folder.")
    ] = Path(),
    language: Annotated[str, typer.Option(envvar="COTERIE_LANGUAGE", help="Language of sentences: en or zh.")] = "en",
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command."""
    if language not in ("en", "zh"):
        raise Refused("bad_argument", f'There is no language "{language}".', place="--language", fix="Use en or zh.")
    context.obj = output.Door(workspace, language)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 the work failed, 2 the input was refused."""
    from coterie.cli import register

    gc.set_threshold(50_000)  # imports make many objects and no rubbish: looking for it took 7 % of a count
    given = sys.argv[1:] if arguments is None else arguments
    register.asked_commands(app, given)
    sys.exit(run(given))


@cache
def _command(registered: int) -> Any:
    """All commands that are registered, made once: that takes .14 s, which matters where one process runs many."""
    return typer.main.get_command(app)


def run(arguments: list[str]) -> int:
    """Run one command; returns the exit code. Errors go to stderr, as JSON where `--json` was given."""
    as_json = "--json" in arguments
    try:
        command = _command(len(app.registered_groups) + len(app.registered_commands))
        code = command(args=arguments, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except CoterieError as error:
        output.show_error(error.as_dict(), as_json=as_json)
        return error.exit_code
    except TyperException as error:
        output.show_error(_usage(error), as_json=as_json)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        stopped = {"code": "cancelled", "message": "Stopped.", "place": None, "fix": None}
        output.show_error(stopped, as_json=as_json)
        return 1
    except BrokenPipeError:  # the reader, such as `head`, went away
        sys.stderr.close()
        return 1


def _usage(error: TyperException) -> dict[str, str | None]:
    context = getattr(error, "ctx", None)
    fix = f"See `{context.command_path} --help`." if context is not None else "See `coterie --help`."
    option = getattr(error, "param_hint", None) or getattr(error, "option_name", None)
    place = option if isinstance(option, str) else None
    return {"code": "bad_argument", "message": str(error), "place": place, "fix": fix}


if __name__ == "__main__":
    main()
