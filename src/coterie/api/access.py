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
            POST   /receipts/{channel}
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
            GET    /sources
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
            GET    /audiences/{name}/page.xlsx
            GET    /blocks
            GET    /blocks/{name}
            GET    /customers
            GET    /customers/{entity}
            GET    /customers/{entity}/events
            GET    /customers/{entity}/audiences
            GET    /customers/{entity}/scores
            GET    /segments
            GET    /segments/{name}
            GET    /segments/{name}/report
            GET    /segments/{name}/figures
            GET    /segments/{name}/versions
            GET    /segments/{name}/profile
            GET    /segments/{name}/panel
            GET    /segments/{name}/stability
            GET    /segments/{name}/preparation
            GET    /segments/{name}/drift
            GET    /segments/{name}/migration
            GET    /segments/{name}/map
            GET    /segments/{name}/map/points
            POST   /segments/{name}/map/selection
            GET    /segments/{name}/labels
            GET    /segments/{name}/marks
            GET    /segments/{name}/sql/{segment}
            GET    /alerts
            GET    /alerts/events
            GET    /jobs
            GET    /jobs/{job}
            GET    /jobs/{job}/log
            GET    /schedules
            GET    /destinations
            GET    /campaigns
            GET    /campaigns/rules
            GET    /campaigns/compare
            POST   /campaigns/check
            GET    /campaigns/{name}
            POST   /campaigns/{name}/preview
            GET    /campaigns/{name}/occurrences
            GET    /campaigns/{name}/funnel
            GET    /campaigns/{name}/results
            GET    /campaigns/{name}/allocation
            GET    /campaigns/{name}/people
            GET    /campaigns/{name}/people/{entity}
            GET    /exclusions
            GET    /channels
            GET    /consent/scopes
            GET    /customers/{entity}/consent
            GET    /customers/{entity}/messages
            GET    /experiments
            GET    /experiments/{name}
            POST   /experiments/power
            GET    /content
            GET    /content/{name}
            GET    /content/{name}/stats
            POST   /content/preview
            GET    /journeys
            GET    /journeys/{name}
            GET    /journeys/{name}/funnel
            GET    /journeys/{name}/people
            GET    /journeys/{name}/people/{entity}
            GET    /journeys/{name}/times
            POST   /journeys/{name}/dry-run
            POST   /journeys/check
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
            PUT    /content/{name}
            DELETE /content/{name}
            POST   /content/{name}/copy
            PUT    /blocks/{name}
            DELETE /blocks/{name}
            POST   /blocks/{name}/copy
            POST   /segments
            POST   /segments/check
            POST   /segments/{name}/refit
            POST   /segments/{name}/update
            POST   /segments/{name}/promote
            POST   /segments/{name}/rollback
            POST   /segments/{name}/rebuild
            POST   /segments/{name}/report
            POST   /segments/{name}/map/audience
            POST   /segments/{name}/labels
            POST   /segments/{name}/marks
            DELETE /segments/{name}/marks/{mark}
            PUT    /segments/{name}/strategy
            POST   /segments/{name}/audience
            PUT    /alerts/{name}
            DELETE /alerts/{name}
            POST   /alerts/events/{event}/seen
            POST   /campaigns/{name}/bars/{bar}/audience
            POST   /journeys/{name}/audience
            PUT    /customers/{entity}/consent
            """,
        ),
        **_all(
            Right.IMPORT,
            """
            POST   /uploads
            POST   /uploads/{upload}/look
            DELETE /uploads/{upload}
            POST   /imports
            PUT    /sources/{name}
            PUT    /sources/{name}/schedule
            POST   /sources/{name}/run
            DELETE /sources/{name}
            POST   /segments/{name}/predict
            POST   /datasets/{name}/cleanup
            DELETE /datasets/{name}/cleanup
            POST   /experiments/analyse
            """,
        ),
        **_all(
            Right.EXPORT,
            """
            GET    /audiences/{name}/export
            GET    /datasets/{name}/rejects.csv
            GET    /segments/{name}/predict/{prediction}
            GET    /dictionary
            GET    /campaigns.csv
            """,
        ),
        **_all(
            Right.SEND,
            """
            POST   /audiences/{name}/sync
            POST   /content/{name}/publish
            POST   /content/{name}/withdraw
            PUT    /campaigns/{name}
            DELETE /campaigns/{name}
            POST   /campaigns/{name}/copy
            POST   /campaigns/{name}/enable
            POST   /campaigns/{name}/disable
            POST   /campaigns/{name}/pause
            POST   /campaigns/{name}/resume
            POST   /campaigns/{name}/cancel
            POST   /campaigns/{name}/plan
            POST   /campaigns/{name}/approve
            POST   /campaigns/{name}/run
            POST   /campaigns/{name}/retry
            POST   /campaigns/{name}/test
            GET    /campaigns/test-addresses
            PUT    /campaigns/test-addresses
            PUT    /campaigns/rules
            PUT    /journeys/{name}
            DELETE /journeys/{name}
            POST   /journeys/{name}/start
            POST   /journeys/{name}/pause
            POST   /journeys/{name}/resume
            POST   /journeys/{name}/stop
            """,
        ),
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
