"""Campaigns as people write them: read, refused with the place, versions, copies, states; schedules and quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.campaigns.opening import Opened, hello

from coterie.campaigns.definition import Campaign, Quiet, read_campaign
from coterie.campaigns.quiet import not_before
from coterie.campaigns.reading import read_file
from coterie.campaigns.schedule import read_schedule
from coterie.errors import CoterieError, Refused

FULL = """
name: autumn
brand: shop
type: promotion
category: offers
owner: ada
audience: {name: everyone, use: refresh}
channel: {name: file, address: email, consent: email, rate_per_second: 50}
content:
  text: "Hi {{ name }}"
  language: lang
  variants: {zh: {text: "你好 {{ name }}"}}
  defaults: {name: friend}
schedule: {time: 09:30, weekdays: [mon, fri], holidays: [2026-12-25], zone: Asia/Shanghai}
validity: {from: 2026-01-01, until: 2999-01-01}
goals: [{name: deals, events: campaign_events, within: 3d, count: distinct, of: [arm, reason]}]
experiment: {arms: {a: 2, b: {weight: 1, content: {text: "B"}}}, holdout: 0.1}
quiet: {from: 21:00, until: 08:00, zone: zone}
priority: 3
group: offers
"""


def test_a_full_campaign_is_read_and_kept_as_it_is(shop: Opened, tmp_path: Path) -> None:
    (tmp_path / "autumn.yaml").write_text(FULL, encoding="utf-8")
    assert shop.campaigns.create(tmp_path / "autumn.yaml") == {
        "campaign": "autumn", "version": 1, "state": "draft", "notes": [],
    }  # fmt: skip
    made, version = shop.campaigns.get("autumn")
    assert made == read_campaign(read_file(tmp_path / "autumn.yaml"), ZoneInfo("Europe/Berlin")) and version == 1
    assert Campaign.of(made.as_dict()) == made and made.quiet == Quiet("21:00", "08:00", "zone")
    assert [a.weight for a in made.experiment.arms] == [2, 1] and made.schedule.time == "09:30"
    (tmp_path / "autumn.yaml").write_text(FULL.replace("ada", "eve"), encoding="utf-8")
    assert shop.campaigns.create(tmp_path / "autumn.yaml")["version"] == 2
    assert shop.campaigns.get("autumn", 1)[0].owner == "ada"
    assert shop.campaigns.copy("autumn")["campaign"] == "autumn_copy"
    copied, _ = shop.campaigns.get("autumn_copy")
    assert copied.schedule.kind == "now" and copied.owner == "eve"
    rows = shop.campaigns.rows(text="EVE", limit=1)
    assert rows["total"] == 2 and rows["states"]["draft"] == 2 and len(rows["campaigns"]) == 1
    assert shop.campaigns.rows(state="running")["total"] == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"chanel": "email"}, r'`campaign.chanel`: There is no such part. Did you mean "channel"'),
        ({"audience": None}, r"`campaign.audience`: This part is missing."),
        ({"audience": "evryone"}, r'There is no audience "evryone". Did you mean "everyone"'),
        ({"channel": "emial"}, r'There is no channel "emial". Did you mean "email"'),
        ({"channel": {"name": "file", "rate": 3}}, r"`channel.rate`: file has no such option."),
        ({"channel": {"name": "file", "connections": 0}}, r"`channel.connections`.*from 1 to 64"),
        ({"channel": {"name": "file", "consent": "mail"}}, r'"mail" cannot stand here'),
        ({"channel": "webhook"}, r"`channel.to`: The destination is missing."),
        ({"channel": {"name": "sms", "to": "gate"}}, r'`channel.address`: There is no tag "phone"'),
        ({"content": {"text": "{{ nme }}"}}, r'`bad_template` at `content.text:1`: There is no tag "nme". Did you mean "name"'),
        ({"content": {"text": "a\n{% if name %}"}}, r"`bad_template` at `content.text:2`"),
        ({"content": {"text": "a", "variants": {"zh": {"text": "b"}}}}, r"Variants need a tag that chooses one"),
        ({"schedule": {"time": "25:00"}}, r'`schedule.time`: "25:00" is no time of day.'),
        ({"schedule": {"at": "soon"}}, r'"soon" is not a moment.'),
        ({"experiment": {"arms": ["a"]}}, r"One arm and no holdout compare nothing."),
        ({"experiment": {"arms": ["a", "b"], "weights": {"a": 1}}}, r"Arms and weights name different arms."),
        ({"experiment": {"weights": {"a": 1, "b": -1}}}, r'"-1" is no weight.'),
        ({"experiment": {"arms": ["a", "holdout"]}}, r'none is "holdout"'),
        ({"goals": [{"events": "orders"}]}, r'There is no dataset "orders"'),
        ({"goals": [{"events": "people"}]}, r'"people" holds profiles.'),
        ({"goals": [{"events": "campaign_events", "count": "distinct"}]}, r"`of` belongs to"),
        ({"quiet": {"from": "21:00"}}, r"`quiet.until`: This part is missing."),
        ({"quiet": {"from": "21:00", "until": "08:00", "zone": "zoen"}}, r'There is no tag "zoen"'),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(shop: Opened, change: dict[str, object], words: str) -> None:
    with pytest.raises(Refused, match=words):
        shop.campaigns.create(hello(**change))
    assert shop.campaigns.rows()["total"] == 0


def test_files_that_are_no_campaign(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\n  b: [")
    with pytest.raises(Refused, match=r"`a.yaml:2`"):
        read_file(tmp_path / "a.yaml")
    with pytest.raises(Refused, match=r"missing_file"):
        read_file(tmp_path / "b.yaml")


def test_a_purpose_or_an_audience_that_is_over_or_empty_is_refused(shop: Opened) -> None:
    shop.ws.audiences.save("study", {"all": []}, purpose="analysis")
    with pytest.raises(Refused, match=r"purpose_forbids.*does not permit file"):
        shop.campaigns.create(hello(audience="study"))
    shop.ws.audiences.save("nobody", {"tag": "name", "op": "eq", "value": "x"})
    shop.campaigns.create(hello(audience="nobody"))
    with pytest.raises(Refused, match=r'`nobody`.*"nobody@1" has no members'):
        shop.campaigns.plan("hello")
    shop.campaigns.create(hello())
    shop.ws.audiences.save("everyone", {"all": []}, valid_until="2020-01-01")
    with pytest.raises(Refused, match=r"audience_expired"):
        shop.campaigns.plan("hello")
    shop.campaigns.create(hello(name="old", audience="nobody", validity={"until": "2020-01-01"}))
    with pytest.raises(Refused, match=r"campaign_expired"):
        shop.campaigns.plan("old")


def test_daily_over_days_when_clocks_change() -> None:
    for zone, start, shown in (
        ("America/New_York", datetime(2026, 3, 7, 12, tzinfo=UTC), ["08T03:30", "09T02:30", "10T02:30"]),
        ("Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC), ["25T02:30", "26T02:30", "27T02:30"]),
        ("Asia/Shanghai", datetime(2026, 3, 7, 0, tzinfo=UTC), ["08T02:30", "09T02:30", "10T02:30"]),
    ):
        daily, moment, found = read_schedule({"time": "2:30"}, ZoneInfo(zone)), start, []
        for _ in shown:
            following = daily.next(moment)
            assert following is not None and following > moment
            found.append(following.astimezone(ZoneInfo(zone)).isoformat()[8:16])
            moment = following
        assert found == shown, zone


def test_calendar_and_holidays() -> None:
    given = {"time": "09:00", "days": [1, 31], "weekdays": ["mon"], "holidays": ["2026-06-01"], "zone": "UTC"}
    monthly = read_schedule(given, ZoneInfo("UTC"))
    assert monthly.next(datetime(2026, 5, 30, tzinfo=UTC)) == datetime(2026, 8, 31, 9, tzinfo=UTC)
    once = read_schedule({"at": "2026-06-01T10:00+02:00"}, ZoneInfo("UTC"))
    assert once.next(datetime(2026, 6, 1, 7, tzinfo=UTC)) == datetime(2026, 6, 1, 8, tzinfo=UTC)
    assert once.next(datetime(2026, 6, 1, 8, tzinfo=UTC)) is None


def test_quiet_hours_within_a_day_and_over_a_night_that_is_short() -> None:
    at_noon = Quiet("12:00", "14:00")
    assert not_before(at_noon, "UTC", datetime(2026, 1, 1, 13, 59, tzinfo=UTC)) == datetime(2026, 1, 1, 14, tzinfo=UTC)
    assert not_before(at_noon, "UTC", datetime(2026, 1, 1, 14, tzinfo=UTC)) is None
    night, before = Quiet("22:00", "07:00"), datetime(2026, 3, 28, 22, tzinfo=UTC)  # summer time begins in Berlin
    assert not_before(night, "Europe/Berlin", before) == datetime(2026, 3, 29, 5, tzinfo=UTC)
    assert not_before(night, "Nowhere/Else", before) is None


def test_states_that_forbid(shop: Opened) -> None:
    campaigns = shop.campaigns
    campaigns.create(hello())

    def refused(words: str, what: object, *given: object) -> None:
        with pytest.raises(CoterieError, match=words):
            what(*given)  # type: ignore[operator]

    refused("was not planned yet", campaigns.approve, "hello")
    refused("was not approved", campaigns.run, "hello")
    campaigns.plan("hello")
    refused("was not approved", campaigns.run, "hello")
    campaigns.create(hello(content={"text": "other"}))
    refused("The campaign changed since it was planned", campaigns.approve, "hello")
    campaigns.plan("hello")
    campaigns.approve("hello")
    shop.ws.audiences.save("everyone", {"not": {"tag": "name", "op": "eq", "value": "x"}})
    refused("The audience changed since it was planned", campaigns.run, "hello")
    campaigns.plan("hello")
    refused("was not approved", campaigns.run, "hello")
    campaigns.approve("hello")
    campaigns.enable("hello", False)
    refused('"hello" is disabled', campaigns.run, "hello")
    assert campaigns.enable("hello") == {"campaign": "hello", "state": "waiting", "enabled": True}
    campaigns.pause("hello")
    refused('"hello" is paused', campaigns.run, "hello")
    campaigns.resume("hello")
    status = campaigns.run("hello", limit=5)
    assert status["sent"] == 5 and status["state"] == "running" and status["pending"] == 187
    refused("has not ended", campaigns.plan, "hello")
    campaigns.pause("hello")
    assert campaigns.status("hello")["state"] == "paused"
    assert campaigns.cancel("hello")["state"] == "cancelled"
    status = campaigns.status("hello")
    assert (status["sent"], status["cancelled"], status["pending"]) == (5, 187, 0)
    refused("is cancelled", campaigns.run, "hello")
    refused("is cancelled", campaigns.cancel, "hello")
    assert campaigns.plan("hello").run == "hello@2"
