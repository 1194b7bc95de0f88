"""What the simulator writes: the same bytes again, the promised amount, and data as real ones are."""

from __future__ import annotations

import hashlib
import time
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from coterie.errors import Cancelled, Failed, Refused
from coterie.kit.progress import Progress
from coterie.simulate.shop import ShopFiles, simulate_shop

from .files import Shop

SCHEMAS = {
    "profiles": "customer_id name email phone city country language birth_date signup_at acquisition "
    "consent_email consent_sms consent_push account_id",
    "products": "product_id name name_zh description description_zh category category_path category_path_zh "
    "brand price",
    "orders": "order_id line customer_id ordered_at product_id quantity unit_price discount amount "
    "channel payment wrapping",
    "visits": "visit_id step customer_id at event product_id query device",
    "reviews": "review_id customer_id at product_id rating language text",
    "friends": "customer_id friend_id weight",
    "accounts": "account_id name parent_id sector employees revenue founded_year country",
    "campaign_response": "campaign_id customer_id at event arm",
}
TRUTHS = {
    "segments": "customer_id segment label whale",
    "churn": "customer_id alive churned_at hazard_per_day orders_per_day expected_orders_90d orders_90d",
    "uplift": "customer_id p_control p_treated uplift kind",
    "uplift_past": "campaign_id customer_id p_control p_treated uplift",
    "interests": "customer_id favourite beauty fashion electronics home food baby sports books",
    "fraud": "order_id customer_id kind",
    "bots": "customer_id",
    "review_topics": "review_id topic",
    "product_quality": "product_id quality",
}


def _digests(files: ShopFiles) -> dict[str, str]:
    paths = [*files.imported.values(), *files.truth.values()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first, again, other = (
        _digests(simulate_shop(tmp_path / name, customers=200, seed=seed))
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert first == again
    assert not set(first.values()) & set(other.values())


def test_columns_and_row_counts(shop: Shop) -> None:
    assert {name: " ".join(frame.columns) for name, frame in shop.frames.items()} == SCHEMAS
    assert {name: " ".join(frame.columns) for name, frame in shop.truth.items()} == TRUTHS
    for name, frame in shop.frames.items():
        assert len(frame) == shop.files.rows[name]
    assert {path.parent.name for path in shop.files.truth.values()} == {"truth"}


def test_keys_are_unique_and_references_hold(shop: Shop) -> None:
    frames = shop.frames
    for name, key in (("profiles", ["customer_id"]), ("products", ["product_id"]), ("orders", ["order_id", "line"])):
        assert not frames[name].duplicated(key).any()
    assert not frames["visits"].duplicated(["visit_id", "step"]).any()
    assert not frames["friends"].duplicated(["customer_id", "friend_id"]).any()
    customers, products = set(frames["profiles"]["customer_id"]), set(frames["products"]["product_id"])
    for name in ("orders", "visits", "reviews", "campaign_response"):
        assert set(frames[name]["customer_id"]) <= customers
    for name in ("orders", "visits", "reviews"):
        assert set(frames[name]["product_id"].dropna()) <= products
    accounts = frames["accounts"]
    assert set(frames["profiles"]["account_id"].dropna()) <= set(accounts["account_id"])
    assert set(accounts["parent_id"].dropna()) <= set(accounts["account_id"])


def test_money_adds_up_to_the_cent(shop: Shop) -> None:
    orders = shop.frames["orders"]
    cents = (orders["quantity"].abs() * orders["unit_price"] * (1 - orders["discount"]) * 100).round(6)
    paid = (orders["amount"].abs() * 100).round()
    assert ((cents - paid).abs() <= 0.5 + 1e-6)[paid > 0].all()
    refunds = orders["amount"] < 0
    assert (orders["quantity"][refunds] < 0).all() and (orders["quantity"][~refunds] > 0).all()
    assert 0.01 < refunds.mean() < 0.08
    assert (paid == 0).any()  # free samples


def test_a_refund_follows_its_purchase(shop: Shop) -> None:
    orders = shop.frames["orders"]
    bought = orders[orders["amount"] >= 0].groupby("order_id")
    sent_back = orders[orders["amount"] < 0]
    when_bought = bought["ordered_at"].max().reindex(sent_back["order_id"]).to_numpy()
    assert (sent_back["ordered_at"].to_numpy() > when_bought).all()
    balance = orders.groupby("order_id")["amount"].sum()
    assert (balance > -0.005).all()


def test_everything_happens_inside_the_period_and_in_order(shop: Shop) -> None:
    for name, moment in (("orders", "ordered_at"), ("visits", "at"), ("reviews", "at"), ("campaign_response", "at")):
        moments = shop.frames[name][moment]
        assert moments.is_monotonic_increasing
        assert moments.min() >= pd.Timestamp("2024-11-01") and moments.max() < pd.Timestamp("2026-11-01")
    profiles = shop.frames["profiles"].set_index("customer_id")
    for name, moment in (("orders", "ordered_at"), ("visits", "at")):
        first = shop.frames[name].groupby("customer_id")[moment].min()
        assert (pd.to_datetime(profiles["signup_at"]).reindex(first.index) < first).all()


def test_profiles_are_as_careless_as_real_ones(shop: Shop) -> None:
    profiles = shop.frames["profiles"]
    assert profiles["phone"].dropna().str.fullmatch(r"\d{11}").all()
    assert profiles["phone"].str.startswith("0").any()
    assert profiles["name"].str.contains(r"[\u4e00-\u9fff]").mean() > 0.3
    assert profiles["name"].str.contains(r"[A-Za-z]").mean() > 0.2
    missing = profiles.isna().mean()
    assert missing["customer_id"] == 0 and 0.1 < missing["birth_date"] < 0.25 and 0.03 < missing["email"] < 0.13
    assert {"Shanghai", "上海"} <= set(profiles["city"])


def test_a_year_has_feasts_weekends_and_nights(shop: Shop) -> None:
    orders = shop.frames["orders"].drop_duplicates("order_id")
    month = orders["ordered_at"].dt.month.value_counts()
    assert month[12] > 1.3 * month[8]
    day = orders["ordered_at"].dt.strftime("%m-%d").value_counts()
    assert day["11-11"] > 1.6 * day.median()
    hour = orders["ordered_at"].dt.hour.value_counts()
    assert hour[20] > 5 * hour[4]


def test_spending_is_heavy_tailed_and_bots_only_look(shop: Shop) -> None:
    spent = shop.frames["orders"].groupby("customer_id")["amount"].sum().sort_values(ascending=False)
    assert spent.iloc[: len(spent) // 10].sum() > 0.5 * spent.sum()
    bots = set(shop.truth["bots"]["customer_id"])
    assert (
        bots
        and not bots & set(shop.frames["orders"]["customer_id"])
        and not bots & set(shop.truth["segments"]["customer_id"])
    )
    steps = shop.frames["visits"]["customer_id"].value_counts()
    assert steps[list(bots)].min() > steps.median()


def test_reviews_speak_the_language_they_say(shop: Shop) -> None:
    reviews = shop.frames["reviews"]
    chinese = reviews["text"].str.contains(r"[\u4e00-\u9fff]")
    assert (chinese == (reviews["language"] == "zh")).all()
    assert reviews["rating"].between(1, 5).all() and len(reviews) > 500


@pytest.mark.slow
def test_a_million_events_in_seconds(tmp_path: Path) -> None:
    started = time.process_time()
    files = simulate_shop(tmp_path)
    assert time.process_time() - started < 25
    assert 900_000 < files.events < 1_300_000


def test_another_period_and_place_for_the_truth(tmp_path: Path) -> None:
    files = simulate_shop(
        tmp_path / "files", customers=60, seed=1, end=date(2024, 2, 29), years=1, truth_folder=tmp_path / "apart"
    )
    assert len(list((tmp_path / "apart").iterdir())) == len(TRUTHS) and not (tmp_path / "files" / "truth").exists()
    orders = pd.read_csv(files.imported["orders"])
    assert orders["ordered_at"].min() >= "2023-03-01" and orders["ordered_at"].max() < "2024-03-01"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"customers": 3}, "`bad_argument` at `--customers`: 3 customers cannot be simulated. Give 50 to 20,000,000."),
        ({"seed": -1}, "`bad_argument` at `--seed`: -1 is not a seed. Give a whole number of 0 or more."),
        ({"years": 0}, "`bad_argument` at `--years`: 0 years cannot be simulated. Give 1 to 10."),
    ],
)
def test_refusals_say_what_to_give(tmp_path: Path, given: dict[str, int], words: str) -> None:
    with pytest.raises(Refused) as caught:
        simulate_shop(tmp_path / "new", **given)  # type: ignore[arg-type]
    assert str(caught.value) == words
    assert not (tmp_path / "new").exists()


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("a file, no folder")
    with pytest.raises(Failed, match=r"profiles\.csv cannot be written"):
        simulate_shop(tmp_path / "shop", customers=50)


def test_cancelling_stops_it(tmp_path: Path) -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        simulate_shop(tmp_path, customers=50, progress=progress)
