"""Sign-in by an OpenID Connect service: authorization code with PKCE, the ID token checked against the service's keys.

Sources: OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3.7; RFC 7636 (PKCE).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from coterie.api import accounts
from coterie.api.access import Role
from coterie.api.door import is_https, set_cookie, shared
from coterie.api.sessions import signed_in
from coterie.errors import CoterieError, Failed, Refused
from coterie.settings import Settings
from coterie.store.accounts import Account, Accounts
from coterie.workspace import Workspace

_SECONDS, _TIMEOUT_SECONDS, _LEEWAY_SECONDS = 600, 10.0, 60
_ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "EdDSA"]  # never `none`, never a shared secret


def add_to(app: FastAPI) -> None:
    """Add these routes."""

    @app.get("/api/v1/oidc/start")
    def start(request: Request) -> Any:
        """Send the browser to the sign-in service."""
        settings = shared(request).settings
        found = _configuration(settings)
        verifier, state, nonce = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {"response_type": "code", "client_id": settings["oidc_client_id"], "scope": "openid profile email"}
        asked |= {"redirect_uri": _back(request, settings), "state": state, "nonce": nonce}
        asked |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        response = RedirectResponse(f"{found['authorization_endpoint']}?{urlencode(asked)}", 303)
        kept = json.dumps([state, nonce, verifier])
        secure = is_https(request, settings)
        response.set_cookie(
            _cookie(request, settings), kept, max_age=_SECONDS, path="/", secure=secure, httponly=True, samesite="lax"
        )
        return response

    @app.get("/api/v1/oidc/callback")
    def callback(request: Request, code: str = "", state: str = "", error: str = "") -> Any:
        """Where the sign-in service sends the browser back to."""
        try:
            response = _signed_in(request, code, state, error)
        except CoterieError as refused:
            response = RedirectResponse(f"/login?{urlencode({'error': refused.code})}", 303)
        response.delete_cookie(_cookie(request, shared(request).settings), path="/")
        return response


def _signed_in(request: Request, code: str, state: str, error: str) -> Response:
    ws = shared(request)
    if error:
        raise _failed(f"The sign-in service says {error[:100]}.")
    known, nonce, verifier = _kept(request, ws.settings)
    if not code or not secrets.compare_digest(known.encode(), state.encode()):
        raise _failed("This sign-in was not begun in this browser.")
    claims = _claims(request, ws.settings, code, verifier)
    if not secrets.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise _failed("The ID token belongs to another sign-in.")
    account = _account(ws, claims)
    caller = signed_in(request, account, "GET /api/v1/oidc/callback")
    response = RedirectResponse("/", 303)
    set_cookie(response, request, caller)
    return response


def _kept(request: Request, settings: Settings) -> tuple[str, str, str]:
    try:
        state, nonce, verifier = json.loads(request.cookies.get(_cookie(request, settings), ""))
    except ValueError:
        raise _failed("This sign-in was not begun in this browser, or took too long.") from None
    return str(state), str(nonce), str(verifier)


def _claims(request: Request, settings: Settings, code: str, verifier: str) -> dict[str, Any]:
    """What the service tells of the person, checked: signature, issuer, audience, times."""
    found = _configuration(settings)
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": _back(request, settings)}
    given |= {"client_id": str(settings["oidc_client_id"]), "code_verifier": verifier}
    if settings["oidc_client_secret"]:
        given["client_secret"] = str(settings["oidc_client_secret"])
    token = _fetched(found["token_endpoint"], settings, given).get("id_token")
    return _checked(str(token), _fetched(found["jwks_uri"], settings), settings)


def _checked(token: str, keys: dict[str, Any], settings: Settings) -> dict[str, Any]:
    try:
        import jwt
    except ModuleNotFoundError:
        fix = 'Install it: pip install "coterie[oidc]".'
        raise Failed("missing_extra", "Checking ID tokens needs PyJWT.", place="oidc_issuer", fix=fix) from None
    try:
        named = jwt.get_unverified_header(token).get("kid")
        usable = [k for k in jwt.PyJWKSet.from_dict(keys).keys if k.key_id == named or named is None]
        if len(usable) != 1:
            raise _failed("The ID token is signed by a key that the service does not have.")
        client = str(settings["oidc_client_id"])
        claims: dict[str, Any] = jwt.decode(
            token,
            usable[0],
            algorithms=_ALGORITHMS,
            audience=client,
            issuer=_issuer(settings),
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except jwt.PyJWTError as error:
        raise _failed(f"The ID token cannot be trusted: {error}.") from None
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != client:
        raise _failed("The ID token is meant for somebody else.")
    return claims


def _account(ws: Workspace, claims: dict[str, Any]) -> Account:
    """The person, made at the first sign-in; the role follows the groups each time, where groups say one."""
    role = _role(ws.settings, claims)
    subject = f"{claims['iss']} {claims['sub']}"
    found = Accounts(ws.store).of_subject(subject)
    if found is None:
        name = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])[:100]
        if Accounts(ws.store).find(name) is not None:
            raise _failed(f'A user "{name}" is there already, and signs in with a password.')
        email = claims.get("email") if claims.get("email_verified", True) else None
        return accounts.add_user(ws.store, name, role, email=email, subject=subject)
    if found.disabled:
        raise Refused("not_allowed", "This user is disabled.", place="user", fix="Ask an admin.")
    if found.role != role:
        _, found = accounts.change_user(ws.store, found.name, role=role)
    return found


def _role(settings: Settings, claims: dict[str, Any]) -> str:
    """The highest role that any group of the person gives. Raises Refused: none does."""
    given = claims.get(str(settings["oidc_groups_claim"]), [])
    groups = {str(g) for g in (given if isinstance(given, list) else [given])}
    pairs = [part.strip().rpartition("=") for part in str(settings["oidc_roles"]).split(",") if "=" in part]
    roles = {role.strip() for group, _, role in pairs if group.strip() in groups}
    for role in Role:  # from the highest
        if role in roles:
            return role.value
    if not settings["oidc_default_role"]:
        fix = "Ask an admin to add one of your groups to `oidc_roles`."
        raise Refused("not_allowed", "None of your groups has a role here.", place="oidc_roles", fix=fix)
    return accounts.check_role(str(settings["oidc_default_role"]))


def _configuration(settings: Settings) -> dict[str, Any]:
    """What the service says of itself. Raises Refused: there is none, or it is another."""
    if not settings["oidc_issuer"]:
        raise Refused("not_allowed", "There is no sign-in service.", place="oidc_issuer", fix="Sign in by password.")
    issuer = _issuer(settings)
    found = _fetched(f"{issuer.rstrip('/')}/.well-known/openid-configuration", settings)
    if found.get("issuer") != issuer:
        raise _failed("The sign-in service calls itself by another name.")
    return found


def _issuer(settings: Settings) -> str:
    return str(settings["oidc_issuer"])


def _fetched(url: str, settings: Settings, form: dict[str, str] | None = None) -> dict[str, Any]:
    """A JSON object of the service; encrypted, unless the settings allow private addresses."""
    import httpx

    if urlsplit(url).scheme != "https" and not settings.number("private_addresses"):
        raise _failed("The sign-in service is not encrypted.")
    try:
        if form is None:
            answer = httpx.get(url, timeout=_TIMEOUT_SECONDS, follow_redirects=False)
        else:
            answer = httpx.post(url, data=form, timeout=_TIMEOUT_SECONDS, follow_redirects=False)
        answer.raise_for_status()
        body = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise _failed(f"The sign-in service cannot be asked: {type(error).__name__}.") from None
    if not isinstance(body, dict):
        raise _failed("The sign-in service answers something else.")
    return body


def _back(request: Request, settings: Settings) -> str:
    """Where the browser comes back to: below `public_url`, else where it is now."""
    base = str(settings["public_url"]).rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"
    return f"{base}/api/v1/oidc/callback"


def _cookie(request: Request, settings: Settings) -> str:
    return "__Host-coterie-oidc" if is_https(request, settings) else "coterie-oidc"


def _failed(said: str) -> Refused:
    return Refused("sign_in_failed", said, place="oidc", fix="Try again; if it stays so, tell an admin.")
