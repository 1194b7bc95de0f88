"""`coterie serve`: the HTTP door."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from coterie.cli import output
from coterie.cli.output import Json
from coterie.errors import Failed

if TYPE_CHECKING:
    import webbrowser

    from coterie.workspace import Workspace


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8400,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the console in a browser, where there is one and nobody runs a CI.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Serve the workspace over HTTP until Ctrl-C."""
    import uvicorn

    from coterie.api import accounts
    from coterie.api.app import make_app
    from coterie.api.protocol import patient

    with context.obj.workspace() as ws:
        token = accounts.setup_token(ws.store)
        path = ws.path
    listener = _listen(host, port)
    app = make_app(path)
    app.state.shared.index.warm_behind()
    app.state.shared.headline.make_behind()
    url = f"http://{host}:{listener.getsockname()[1]}"
    if as_json:
        sys.stdout.write(json.dumps({"url": url, "setup_token": token}) + "\n")
    else:
        sys.stdout.write(f"Coterie serves {path.name} at {url}  (API: {url}/api/v1/openapi.json)\n")
        if token is not None:
            sys.stdout.write(
                f"First time here? Open {url}/setup and make the admin with this one-time token: {token}\n"
            )
    sys.stdout.flush()
    if open_browser and (found := browser(os.environ)) is not None:
        threading.Thread(target=found.open, args=(url,), daemon=True).start()  # the address is listened to already
    protocol = patient(app.state.shared.settings.number("body_seconds"), app.state.quick)
    quiet: dict[str, Any] = {"log_level": "warning", "access_log": False, "server_header": False}
    # Longer than clients keep idle connections: else a request meets the closing of the one that it was sent on.
    config = uvicorn.Config(app, http=protocol, timeout_keep_alive=65, timeout_graceful_shutdown=3, **quiet)
    server = uvicorn.Server(config)
    with app.state.shared.working():
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
        _stop(app.state.shared, 130 if server.started else 3)


def _stop(ws: Workspace, code: int) -> NoReturn:
    """End at once, as after SIGTERM: jobs under way do not hold it up, since the next start goes on with them."""
    going = [row.job for row in ws.jobs.rows() if row.state == "running"]
    if going:
        output.show_note(f"Stopped. At the next start these jobs go on: {', '.join(going)}.")
    sys.stdout.flush()
    os._exit(code)


def browser(environment: Mapping[str, str]) -> webbrowser.BaseBrowser | None:
    """What opens pages on this machine's screen; None in a CI, and where there is no screen.

    >>> browser({"CI": "true"}) is None
    True
    """
    import webbrowser

    screen = sys.platform in ("darwin", "win32") or any(
        environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if environment.get("CI") or not screen:
        return None
    try:
        return webbrowser.get()
    except webbrowser.Error:
        return None


def _listen(host: str, port: int) -> socket.socket:
    # Named as TCP: asyncio then sends small answers at once (TCP_NODELAY); else each waits 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # before the address is told: who connects then waits, and is not refused
    except OSError as error:
        listener.close()
        fix = "Choose another --port, or --port 0 for a free one."
        raise Failed(
            "address_taken", f"{host}:{port} cannot be used: {error.strerror}.", place="--port", fix=fix
        ) from None
    return listener
