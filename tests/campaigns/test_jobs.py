"""The steps of a send, and the look for what is due, as the worker runs them."""

from __future__ import annotations

from datetime import timedelta

from tests.campaigns.opening import Opened, adds_up, hello

from coterie.campaigns.jobs import LOOK, SEND
from coterie.jobs.registry import find_job
from coterie.kit.moments import now
from coterie.kit.progress import Progress


def test_a_send_goes_in_steps_and_more_steps_do_nothing(shop: Opened) -> None:
    shop.campaigns.create(hello())
    going = shop.campaigns.plan("hello").going
    shop.campaigns.approve("hello")
    job = find_job(SEND)
    steps = job.plan(shop, {"campaign": "hello"})
    results = [job.run(shop, step, Progress()) for step in [*steps, *steps]]
    assert job.close(results)["sent"] == going and results[-1]["state"] == "completed"


def test_what_is_due_is_found(shop: Opened) -> None:
    shop.campaigns.create(hello(schedule={"at": (now() + timedelta(hours=2)).isoformat()}))
    shop.campaigns.plan("hello")
    assert shop.campaigns.running.due() == []
    shop.campaigns.approve("hello")
    assert shop.campaigns.running.due() == []
    assert shop.campaigns.running.due(now() + timedelta(hours=3)) == ["hello"]
    shop.campaigns.run("hello", limit=5, anyway=True)  # cut off here, it is due at once
    job = find_job(LOOK)
    steps = job.plan(shop, {})
    assert steps == [{"campaign": "hello"}]
    (told,) = job.close([job.run(shop, step, Progress()) for step in steps])["campaigns"]
    assert told["state"] == "completed" and adds_up(shop.campaigns.status("hello"))
    assert shop.campaigns.running.due(now() + timedelta(days=9)) == []
