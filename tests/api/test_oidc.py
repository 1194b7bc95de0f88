"""Sign-in by an OpenID Connect service, against a real one on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from tests.api.conftest import PATIENCE_S, running
from tests.api.oidc_service import CLIENT, SECRET, Service, serving

from coterie.api import accounts
from coterie.api.app import make_app
from coterie.store.accounts import Accounts
from coterie.store.service import Store
from coterie.workspace import Workspace


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serving() as started:
        yield started


@pytest.fixture(scope="module")
def where(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store]]:
    """An application that knows the service, and its metadata."""
    folder = tmp_path_factory.mktemp("oidc") / "ws"
    Workspace.init(folder).close()
    facts = json.loads((folder / "coterie.json").read_text())
    facts["settings"] = {
        "oidc_issuer": service.issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_roles": "crm=marketer, admins=admin",
        "private_addresses": 1,
    }
    (folder / "coterie.json").write_text(json.dumps(facts))
    app = make_app(folder)
    with running(app) as url:
        yield url, app.state.shared.store


def sign_in(url: str, client: httpx.Client) -> httpx.Response:
    """The browser's way: to the service, back with a code, and then where the application sends it."""
    begun = client.get(f"{url}/api/v1/oidc/start")
    assert begun.status_code == 303
    agreed = httpx.get(begun.headers["Location"], timeout=PATIENCE_S)
    return client.get(agreed.headers["Location"])


def test_a_person_signs_in_and_gets_the_role_of_their_groups(service: Service, where: tuple[str, Store]) -> None:
    """Made at the first sign-in; the role follows the groups at the next."""
    url, store = where
    service.claims = {"sub": "7", "preferred_username": "ada", "email": "ada@example.com", "groups": ["crm"]}
    with httpx.Client(timeout=PATIENCE_S) as client:
        back = sign_in(url, client)
        assert (back.status_code, back.headers["Location"]) == (303, "/")
        me = client.get(f"{url}/api/v1/me").json()
        assert (me["user"]["name"], me["user"]["role"], me["user"]["sign_in_service"]) == ("ada", "marketer", True)
        service.claims |= {"groups": ["crm", "admins"]}
        sign_in(url, client)
        assert client.get(f"{url}/api/v1/me").json()["user"]["role"] == "admin"
    assert [a.subject for a in Accounts(store).all()] == [f"{service.issuer} 7"]
    login = httpx.post(f"{url}/api/v1/login", json={"name": "ada", "password": ""}, timeout=PATIENCE_S)
    assert login.status_code == 401, "without a password there is no other way in"
    assert httpx.get(f"{url}/api/v1/status", timeout=PATIENCE_S).json()["oidc"] is True


@pytest.mark.parametrize(
    "twist", ["audience", "issuer", "expired", "nonce", "two audiences", "none", "shared secret", "other key", "kid"]
)
def test_tokens_that_must_not_be_believed(service: Service, where: tuple[str, Store], twist: str) -> None:
    """Nobody is let in, and the page is told why."""
    service.claims = {"sub": "8", "preferred_username": "eve", "groups": ["admins"]}
    service.twist = twist
    try:
        with httpx.Client(timeout=PATIENCE_S) as client:
            back = sign_in(where[0], client)
            assert back.headers["Location"] == "/login?error=sign_in_failed"
            assert client.get(f"{where[0]}/api/v1/me").status_code == 401
    finally:
        service.twist = ""
    assert Accounts(where[1]).find("eve") is None


def test_what_was_not_begun_here_does_not_end_here(service: Service, where: tuple[str, Store]) -> None:
    """Another browser's code, a forged state, a refusal of the service, people without a role, a taken name."""
    url, store = where
    service.claims = {"sub": "9", "preferred_username": "bo", "groups": ["crm"]}
    with httpx.Client(timeout=PATIENCE_S) as one, httpx.Client(timeout=PATIENCE_S) as other:
        agreed = httpx.get(one.get(f"{url}/api/v1/oidc/start").headers["Location"], timeout=PATIENCE_S).headers[
            "Location"
        ]
        for client, address in ((other, agreed), (one, agreed.replace("state=", "state=x"))):
            assert client.get(address).headers["Location"] == "/login?error=sign_in_failed"
        denied = f"{url}/api/v1/oidc/callback?error=access_denied"
        assert one.get(denied).headers["Location"] == "/login?error=sign_in_failed"
        service.claims = {"sub": "9", "preferred_username": "bo", "groups": ["others"]}
        assert sign_in(url, one).headers["Location"] == "/login?error=not_allowed"
        accounts.add_user(store, "bo", "viewer")
        service.claims = {"sub": "9", "preferred_username": "BO", "groups": ["admins"]}
        assert sign_in(url, one).headers["Location"] == "/login?error=sign_in_failed"
        assert Accounts(store).get("bo").role == "viewer"


def test_a_disabled_person_stays_out(service: Service, where: tuple[str, Store]) -> None:
    """Whatever the service says."""
    url, store = where
    account = accounts.add_user(store, "dee", "viewer", subject=f"{service.issuer} 10")
    Accounts(store).change(account.id, disabled=True)
    service.claims = {"sub": "10", "preferred_username": "dee", "groups": ["admins"]}
    with httpx.Client(timeout=PATIENCE_S) as client:
        assert sign_in(url, client).headers["Location"] == "/login?error=not_allowed"
