"""`coterie serve`: the HTTP door."""

from __future__ import annotations

import json
import socket
import sys
from typing import Annotated

import typer

from coterie.cli.output import Json
from coterie.errors import Failed


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8400,
    as_json: Json = False,
) -> None:
    """Serve the workspace over HTTP until Ctrl-C."""
    import uvicorn

    from coterie.api import tokens
    from coterie.api.app import make_app

    with context.obj.workspace() as ws:
        token = tokens.setup_token(ws.store)
        path = ws.path
    listener = _listen(host, port)
    app = make_app(path)
    app.state.shared.index.warm_behind()
    url = f"http://{host}:{listener.getsockname()[1]}"
    if as_json:
        sys.stdout.write(json.dumps({"url": url, "setup_token": token}) + "\n")
    else:
        sys.stdout.write(f"Coterie serves {path.name} at {url}  (API: {url}/api/v1/docs)\n")
        if token is not None:
            sys.stdout.write(f"First time here? Trade this token for an API token at POST /api/v1/setup: {token}\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    with app.state.shared.working():
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket()
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
