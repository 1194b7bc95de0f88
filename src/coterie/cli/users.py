"""Users and API tokens of the console and the API."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coterie.cli import output
from coterie.cli.output import Json
from coterie.errors import Refused

if TYPE_CHECKING:
    from coterie.store.service import Store

app = typer.Typer(help="Who may use the console and the API.", no_args_is_help=True)
tokens = typer.Typer(help="API tokens: keys for programs, shown once.", no_args_is_help=True)

RoleOption = Annotated[str, typer.Option(help="admin, marketer, analyst or viewer.")]
Stdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.command()
def add(
    context: typer.Context,
    name: str,
    role: RoleOption = "viewer",
    email: Annotated[str | None, typer.Option(help="Their address.")] = None,
    password_stdin: Stdin = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="Only a sign-in service lets them in.")] = False,
    as_json: Json = False,
) -> None:
    """Make a user; the password is asked for."""
    from coterie.api import accounts

    with context.obj.workspace() as ws:
        password = None if no_password else _password(password_stdin)
        made = accounts.add_user(ws.store, name, role, password=password, email=email).shown()
        _audited(ws.store, "user add", "user", name, None, made)
    output.show(f"User {name}", made, as_json)


@app.command("list")
def list_users(context: typer.Context, as_json: Json = False) -> None:
    """Everyone with role and state."""
    from coterie.store.accounts import Accounts

    with context.obj.workspace() as ws:
        rows = [account.shown() for account in Accounts(ws.store).all()]
    if as_json:
        output.print_json({"users": rows})
    else:
        output.show_table("Users", rows, empty="Nobody yet. Try: coterie user add NAME --role admin")


@app.command()
def disable(
    context: typer.Context,
    name: str,
    again: Annotated[bool, typer.Option("--enable", help="Let them in again.")] = False,
    as_json: Json = False,
) -> None:
    """Let a user in no more; their sessions end, and their tokens do nothing."""
    _change(context, name, as_json, disabled=not again)


@app.command()
def role(context: typer.Context, name: str, role: str, as_json: Json = False) -> None:
    """Give a user another role; their sessions end."""
    _change(context, name, as_json, role=role)


@app.command()
def password(context: typer.Context, name: str, password_stdin: Stdin = False, as_json: Json = False) -> None:
    """Set a user's password; their sessions end."""
    _change(context, name, as_json, password=_password(password_stdin))


def _change(context: typer.Context, name: str, as_json: bool, **values: Any) -> None:
    from coterie.api import accounts

    with context.obj.workspace() as ws:
        before, after = accounts.change_user(ws.store, name, **values)
        new = {"password": "changed"} if "password" in values else {}
        _audited(ws.store, "user change", "user", name, before.shown(), {**after.shown(), **new})
    output.show(f"User {name}", after.shown(), as_json)


@tokens.command("add")
def add_token(
    context: typer.Context,
    name: str,
    user: Annotated[str, typer.Option(help="Whose it is: it can do no more than they.")],
    scopes: Annotated[str | None, typer.Option(help="Such as read,define; default: all that the user may.")] = None,
    days: Annotated[int | None, typer.Option(help="How long it lives; default: until it is revoked.")] = None,
    as_json: Json = False,
) -> None:
    """Make an API token; it is shown this once."""
    from coterie.api import accounts
    from coterie.store.accounts import Accounts

    wanted = None if scopes is None else [s.strip() for s in scopes.split(",") if s.strip()]
    with context.obj.workspace() as ws:
        token, kept = accounts.make_token(ws.store, Accounts(ws.store).get(user), name, wanted, days)
        _audited(ws.store, "token add", "token", name, None, kept)
    output.show(f"Token {name}", {**kept, "token": token}, as_json)


@tokens.command("list")
def list_tokens(context: typer.Context, as_json: Json = False) -> None:
    """All API tokens, without the tokens themselves."""
    from coterie.api import accounts

    with context.obj.workspace() as ws:
        rows = accounts.token_rows(ws.store, None)
    if as_json:
        output.print_json({"tokens": rows})
    else:
        output.show_table("Tokens", rows, empty="None yet. Try: coterie token add NAME --user USER")


@tokens.command()
def revoke(context: typer.Context, token: str, as_json: Json = False) -> None:
    """Revoke a token, by its id."""
    from coterie.api import accounts

    with context.obj.workspace() as ws:
        ended = accounts.end_token(ws.store, token, None)
        _audited(ws.store, "token revoke", "token", str(ended["name"]), ended, None)
    output.show("Revoked", ended, as_json)


def _password(from_stdin: bool) -> str:
    """Asked for twice at a terminal, or the first line of standard input."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        fix = "Give --password-stdin and pipe it in, or --no-password."
        raise Refused("bad_argument", "There is no terminal to ask for a password.", place="--password-stdin", fix=fix)
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Again: "):
        raise Refused("bad_argument", "The two are not the same.", place="password", fix="Type it again.")
    return first


def _audited(store: Store, action: str, kind: str, name: str, before: Any, after: Any) -> None:
    from coterie.api import accounts
    from coterie.kit.plain import plain
    from coterie.store.accounts import Entry

    actor = getpass.getuser()
    accounts.audit(store, Entry(actor, "command line", "-", action, kind, name, plain(before), plain(after)))
