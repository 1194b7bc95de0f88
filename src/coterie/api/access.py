"""Who may do what: roles, their rights, and the one table that says which right each route asks for.

A route that is not in the table is refused to everybody, and a test fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Right(StrEnum):
    """What somebody may do. Tokens carry some of their person's rights as scopes."""

    ANYONE = "anyone"  # also who is not signed in
    ACCOUNT = "account"  # one's own sessions, tokens and password
    READ = "read"  # definitions, sizes and figures; single people with what identifies them masked
    DEFINE = "define"  # audiences, blocks, tags, lists, segments, alerts
    IMPORT = "import"  # data
    EXPORT = "export"  # files with people in them
    SEND = "send"  # to the world outside: destinations, campaigns
    OPERATE = "operate"  # cancel jobs and run them again
    ADMINISTER = "administer"  # users, settings, destinations, the audit log


class Role(StrEnum):
    """What somebody is."""

    ADMIN = "admin"
    MARKETER = "marketer"
    ANALYST = "analyst"
    VIEWER = "viewer"


_EVERYONE = frozenset({Right.ANYONE, Right.ACCOUNT, Right.READ})
RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        Role.ADMIN: frozenset(Right),
        Role.MARKETER: frozenset(Right) - {Right.ADMINISTER},
        Role.ANALYST: _EVERYONE | {Right.DEFINE, Right.IMPORT, Right.EXPORT, Right.OPERATE},
        Role.VIEWER: _EVERYONE,
    }
)
SEES_PERSONAL = frozenset({Role.ADMIN, Role.MARKETER})  # others see what identifies people masked
SCOPES = tuple(r for r in Right if r is not Right.ANYONE)


def _all(right: Right, lines: str) -> dict[tuple[str, str], Right]:
    """The routes of one right, a line each: method and path below `/api/v1`."""
    pairs = (line.split() for line in lines.strip().splitlines())
    return {(method, f"/api/v1{path}"): right for method, path in pairs}


ROUTES: Mapping[tuple[str, str], Right] = MappingProxyType(
    {
        **_all(
            Right.ANYONE,
            """
            GET    /health
            GET    /openapi.json
            GET    /status
            POST   /setup
            POST   /login
            GET    /oidc/start
            GET    /oidc/callback
            """,
        ),
        **_all(
            Right.ACCOUNT,
            """
            GET    /me
            POST   /logout
            POST   /me/password
            GET    /me/sessions
            DELETE /me/sessions/{session}
            GET    /me/tokens
            POST   /me/tokens
            DELETE /me/tokens/{token}
            """,
        ),
        **_all(
            Right.READ,
            """
            GET    /home
            GET    /events
            GET    /schema/rule
            GET    /schema/leaves
            GET    /purposes
            GET    /datasets
            GET    /datasets/{name}
            GET    /datasets/{name}/sample
            GET    /datasets/{name}/rejects
            GET    /datasets/{name}/cleanup
            GET    /datasets/{name}/fields/{field}/values
            GET    /tags
            GET    /tag-tree
            GET    /tag-plan
            GET    /tags/{tag}
            GET    /tags/{tag}/values
            GET    /recipes
            GET    /lists
            POST   /audiences/count
            POST   /audiences/sentence
            POST   /audiences/sample
            GET    /audiences
            GET    /audiences/{name}
            GET    /audiences/{name}/versions
            GET    /audiences/{name}/history
            GET    /audiences/{name}/members
            GET    /audiences/{name}/sample
            GET    /audiences/{name}/explain/{entity}
            POST   /audiences/insight
            POST   /audiences/overlap
            GET    /audiences/{name}/diff
            GET    /audiences/{name}/backtest
            GET    /blocks
            GET    /blocks/{name}
            GET    /customers
            GET    /customers/{entity}
            GET    /customers/{entity}/events
            GET    /customers/{entity}/audiences
            GET    /segments
            GET    /segments/{name}
            GET    /segments/{name}/report
            GET    /alerts
            GET    /alerts/events
            GET    /jobs
            GET    /jobs/{job}
            GET    /schedules
            GET    /destinations
            """,
        ),
        **_all(
            Right.DEFINE,
            """
            POST   /tags
            POST   /tags/preview
            POST   /tags/recipe
            POST   /tags/build
            PUT    /tags/{tag}
            DELETE /tags/{tag}
            POST   /lists/{name}
            PUT    /audiences/{name}
            DELETE /audiences/{name}
            POST   /audiences/{name}/copy
            POST   /audiences/{name}/refresh
            POST   /audiences/lookalike
            PUT    /blocks/{name}
            DELETE /blocks/{name}
            POST   /blocks/{name}/copy
            POST   /segments
            PUT    /alerts/{name}
            DELETE /alerts/{name}
            POST   /alerts/events/{event}/seen
            """,
        ),
        **_all(
            Right.IMPORT,
            """
            POST   /uploads
            POST   /uploads/{upload}/look
            DELETE /uploads/{upload}
            POST   /imports
            POST   /datasets/{name}/cleanup
            DELETE /datasets/{name}/cleanup
            """,
        ),
        **_all(
            Right.EXPORT,
            """
            GET    /audiences/{name}/export
            GET    /datasets/{name}/rejects.csv
            GET    /dictionary
            """,
        ),
        **_all(Right.SEND, "POST /audiences/{name}/sync"),
        **_all(
            Right.OPERATE,
            """
            POST   /jobs/{job}/cancel
            POST   /jobs/{job}/retry
            """,
        ),
        **_all(
            Right.ADMINISTER,
            """
            GET    /settings
            PUT    /settings/{name}
            DELETE /settings/{name}
            PUT    /destinations/{name}
            DELETE /destinations/{name}
            GET    /users
            POST   /users
            PUT    /users/{user}
            GET    /sessions
            DELETE /sessions/{session}
            GET    /tokens
            DELETE /tokens/{token}
            GET    /audit
            """,
        ),
    }
)
