"""Anything that the description permits, and much that it does not: no request is ever answered as our fault."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from tests.api.conftest import PATIENCE_S, Served

# They end the caller's own session, stream without end, or build all tags as of today, which other tests would notice.
LEFT_OUT = {"/api/v1/logout", "/api/v1/me/password", "/api/v1/events", "/api/v1/tags/build"}


def operations(served: Served) -> list[Any]:
    """All operations of the description, but those left out."""
    schema = schemathesis.openapi.from_url(f"{served.url}/api/v1/openapi.json")
    found = [result.ok() for result in schema.get_all_operations()]
    return [operation for operation in found if operation.path not in LEFT_OUT]


def fuzz(served: Served, examples: int) -> Counter[int]:
    """Ask each operation so often; returns how often each status was answered."""
    statuses: Counter[int] = Counter()
    headers = {"Authorization": f"Bearer {served.token}"}
    for operation in operations(served):

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: Case) -> None:
            answer = case.call(base_url=served.url, headers=headers, timeout=PATIENCE_S)
            statuses[answer.status_code] += 1
            assert answer.status_code < 500, f"{case.as_curl_command()}\n{answer.text}"

        ask()
    return statuses


def test_no_answer_is_our_fault(served: Served) -> None:
    """One example of each operation."""
    statuses = fuzz(served, 1)
    assert sum(statuses.values()) >= 100 and statuses[200] > 10


@pytest.mark.slow
def test_no_answer_is_our_fault_at_length(served: Served) -> None:
    """Many."""
    statuses = fuzz(served, 40)
    assert sum(statuses.values()) > 2000
