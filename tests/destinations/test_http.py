from __future__ import annotations

from collections.abc import Iterator

import pytest

from coterie.destinations.http import Sender, sign, verified
from coterie.errors import Failed, Refused

from .receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        made.secret = "s3cret"
        yield made


def sender(receiver: Receiver, waits: list[float], secret: str = "s3cret") -> Sender:
    return Sender(receiver.url, secret, private=True, wait=waits.append)


def test_what_is_taken_at_once(receiver: Receiver) -> None:
    assert sender(receiver, []).send({"change": "add", "entities": ["客户"]}, "k1") == 1
    assert receiver.bodies == {"k1": {"change": "add", "entities": ["客户"]}}


def test_it_tries_again_and_waits_longer_each_time(receiver: Receiver) -> None:
    receiver.answers, waits = [500, 503, 429], list[float]()
    assert sender(receiver, waits).send({}, "k") == 4
    assert waits == [0.5, 1.0, 2.0]
    receiver.answers, receiver.retry_after = [429], "7"
    assert sender(receiver, waits).send({}, "k2") == 2
    assert waits[-1] == 7.0


def test_a_lost_answer_is_sent_again_under_the_same_key(receiver: Receiver) -> None:
    receiver.lose_next = True
    assert sender(receiver, []).send({"change": "add", "entities": ["a"]}, "k") == 2
    assert [key for key, _ in receiver.requests] == ["k", "k"]
    assert len(receiver.bodies) == 1


def test_what_is_refused_is_not_tried_again(receiver: Receiver) -> None:
    receiver.answers = [410]
    with pytest.raises(Failed, match="`not_delivered` .*it answered 410"):
        sender(receiver, []).send({}, "k")
    assert len(receiver.requests) == 1
    with pytest.raises(Failed, match="it answered 401"):
        sender(receiver, [], secret="other").send({}, "k")


def test_out_of_reach(receiver: Receiver) -> None:
    waits = list[float]()
    gone = Sender("http://127.0.0.1:9/hook", "s", private=True, wait=waits.append)
    with pytest.raises(Failed, match="`not_delivered` .*ConnectError"):
        gone.send({}, "k")
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.com/x", "This is no web address"),
        ("https://", "This is no web address"),
        ("http://example.com/x", "The address is not encrypted"),
        ("https://127.0.0.1/x", '"127.0.0.1" lies in a private network'),
        ("https://localhost/x", '"localhost" lies in a private network'),
        ("https://169.254.169.254/latest", "lies in a private network"),
        ("https://[::1]/x", "lies in a private network"),
        ("https://0x7f000001/x", "lies in a private network"),
        ("https://nowhere.invalid/x", '"nowhere.invalid" cannot be found'),
    ],
)
def test_addresses_that_are_refused(url: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        Sender(url, "s").send({}, "k")
    assert caught.value.code == "bad_address" and words in str(caught.value)


def test_signatures() -> None:
    header = f"t=100,v1={sign(b'x', 'k', 100)}"
    assert verified(b"x", header, "k", now=150)
    assert not verified(b"y", header, "k", now=150)
    assert not verified(b"x", header, "other", now=150)
    assert not verified(b"x", header, "k", now=500)
    assert not verified(b"x", "nonsense", "k", now=100)
