"""The public data sets import without editing a file, with the counts that their publishers give."""

from __future__ import annotations

import csv
import gzip
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Shop

# file, options, (read, accepted, rejected, entities), types of some columns
FILES: dict[str, tuple[dict[str, Any], tuple[int, int, int, int], dict[str, str]]] = {
    "cdnow/cdnow_master.csv.gz": (
        {"entity": "customer_id", "time": "date"},
        (69_659, 69_659, 0, 23_570),
        {"quantity": "integer", "amount": "decimal"},
    ),
    "telco_churn/telco_customer_churn.csv.gz": (
        {"kind": "profiles", "entity": "customerID"},
        (7_043, 7_043, 0, 7_043),
        {"TotalCharges": "decimal", "tenure": "integer", "Churn": "text"},
    ),
    "marketing_campaign/marketing_campaign.csv": (
        {"kind": "profiles", "entity": "ID"},
        (2_240, 2_240, 0, 2_240),
        {"Dt_Customer": "date", "Income": "integer", "Education": "text"},
    ),
    "reviews_zh_online_shopping/online_shopping_10_cats.csv.gz": (
        {"entity": "@row"},
        (62_774, 62_774, 0, 62_774),
        {"review": "text", "label": "integer"},
    ),
    "reviews_en_womens_clothing/womens_clothing_reviews.csv.gz": (
        {"entity": "@row"},
        (23_486, 23_486, 0, 23_486),
        {"Review Text": "text", "Rating": "integer", "column_1": "integer"},
    ),
    "crm_sales_opportunities/accounts.csv": (
        {"kind": "profiles", "entity": "account", "entity_kind": "account"},
        (85, 85, 0, 85),
        {"revenue": "decimal", "year_established": "integer"},
    ),
    "crm_sales_opportunities/products.csv": (
        {"kind": "lookup", "entity": "product"},
        (7, 7, 0, 0),
        {"sales_price": "integer"},
    ),
    "crm_sales_opportunities/sales_teams.csv": (
        {"kind": "lookup", "entity": "sales_agent"},
        (35, 35, 0, 0),
        {"manager": "text"},
    ),
    "crm_sales_opportunities/sales_pipeline.csv.gz": (
        {"kind": "records", "entity": "account", "entity_kind": "account", "key": "opportunity_id"},
        (8_800, 8_800, 0, 85),
        {"engage_date": "date", "close_value": "integer"},
    ),
    "social_twitch_engb/edges.csv.gz": (
        {"kind": "edges", "entity": "from", "target": "to"},
        (35_324, 35_324, 0, 7_126),
        {},
    ),
    "social_twitch_engb/target.csv.gz": (
        {"kind": "profiles", "entity": "new_id"},
        (7_126, 7_126, 0, 7_126),
        {"mature": "boolean", "views": "integer"},
    ),
    "lastfm_hetrec/user_artists.csv.gz": ({"entity": "userID"}, (92_834, 92_834, 0, 1_892), {"weight": "integer"}),
    "lastfm_hetrec/user_friends.csv.gz": (
        {"kind": "edges", "entity": "userID", "target": "friendID"},
        (25_434, 25_434, 0, 1_892),
        {},
    ),
    "lastfm_hetrec/artists.csv.gz": (
        {"kind": "lookup", "entity": "artistID"},
        (17_632, 17_632, 0, 0),
        {"name": "text"},
    ),
    "bank_marketing/bank-full.csv.gz": (
        {"kind": "profiles", "entity": "@row"},
        (45_211, 45_211, 0, 45_211),
        {"balance": "integer", "job": "text"},
    ),
    "bank_marketing/bank-additional-full.csv.gz": (
        {"kind": "profiles", "entity": "@row"},
        (41_188, 41_188, 0, 41_188),
        {"emp.var.rate": "decimal", "euribor3m": "decimal"},
    ),
    "hillstrom/hillstrom_email.csv.gz": (
        {"kind": "profiles", "entity": "@row"},
        (64_000, 64_000, 0, 64_000),
        {"spend": "decimal", "visit": "integer", "history_segment": "text"},
    ),
    "cookie_cats/cookie_cats.csv.gz": (
        {"kind": "profiles", "entity": "userid"},
        (90_189, 90_189, 0, 90_189),
        {"retention_1": "boolean", "sum_gamerounds": "integer"},
    ),
    "shopping_gender_sessions/sessions.csv.gz": (
        {"entity": "session_id", "time": "start_time", "types": {"products": "texts(;)"}},
        (15_000, 15_000, 0, 15_000),
        {"end_time": "moment", "products": "texts"},
    ),
    "wholesale_customers/wholesale_customers.csv": (
        {"kind": "profiles", "entity": "@row"},
        (440, 440, 0, 440),
        {"Fresh": "integer"},
    ),
    "clustering_labelled/fcps_target.csv.gz": (
        {"kind": "vectors", "entity": "@row", "values": "x"},
        (770, 770, 0, 770),
        {"x": "vector", "label0": "integer"},
    ),
}


@pytest.mark.parametrize("file", FILES)
def test_imports_as_published(shop: Shop, data_dir: Path, file: str) -> None:
    options, counts, types = FILES[file]
    report = shop.load(data_dir / file, **options)
    assert (report.read, report.accepted, report.rejected, report.entities) == counts
    assert {c: report.types[c] for c in types} == types
    assert len(shop.rows("1")) == report.accepted


def test_online_retail(shop: Shop, data_dir: Path) -> None:
    file = data_dir / "online_retail" / "online_retail.csv.gz"
    report = shop.load(file, entity="CustomerID", time="InvoiceDate")
    assert (report.read, report.accepted, report.rejected, report.duplicates) == (541_909, 406_829, 135_080, 0)
    assert report.reject_reasons == {"missing_entity": 135_080}
    assert (report.entities, report.new_entities) == (4_372, 4_372)
    facts = shop.rows("sum(Quantity * UnitPrice), count(DISTINCT InvoiceNo), min(_at)::VARCHAR, max(_at)::VARCHAR")
    assert facts == [(Decimal("8300065.8140"), 22_190, "2010-12-01 08:26:00+00", "2011-12-09 12:50:00+00")]
    assert shop.entities()[0] == ("customer", "12346", 0, "2011-01-18 10:01:00+00")
    rejects = shop.rows("line, raw, _batch", "rejects", order="line LIMIT 1")
    # sed -n 624p of the unpacked file
    raw = '{"InvoiceNo":"536414","StockCode":"22139","Description":null,"Quantity":"56",'
    raw += '"InvoiceDate":"2010-12-01 11:52:00","UnitPrice":"0.0","CustomerID":null,"Country":"United Kingdom"}'
    assert rejects == [(624, raw, 1)]
    again = shop.load(file, entity="CustomerID", time="InvoiceDate")
    assert (again.accepted, again.rejected, again.duplicates, again.data_version) == (0, 0, 541_909, 1)
    assert shop.ctx.lake.data_version == 1


def test_texts_keep_commas_and_lose_the_stray_mark(shop: Shop, data_dir: Path) -> None:
    shop.load(data_dir / "reviews_zh_online_shopping" / "online_shopping_10_cats.csv.gz", "zh", entity="@row")
    marked, missing = shop.rows(
        "count(*) FILTER (starts_with(review, chr(65279))), count(*) - count(review)", "data/zh"
    )[0]
    assert (marked, missing) == (0, 1)
    first = shop.rows("review", "data/zh", order="_entity::INTEGER LIMIT 1")[0][0]
    assert first.startswith("做父母一定要有刘墉这样的心态，不断地学习，")
    shop.load(data_dir / "reviews_en_womens_clothing" / "womens_clothing_reviews.csv.gz", "en", entity="@row")
    assert shop.rows('count(*) - count("Review_Text"), count(*) - count("Title")', "data/en") == [(845, 3_810)]
    commas = shop.rows("sum(length(Review_Text) - length(replace(Review_Text, ',', '')))", "data/en")[0][0]
    with gzip.open(
        data_dir / "reviews_en_womens_clothing" / "womens_clothing_reviews.csv.gz", "rt", encoding="utf-8"
    ) as f:
        assert commas == sum(row["Review Text"].count(",") for row in csv.DictReader(f))


def test_dates_with_the_day_first(shop: Shop, data_dir: Path) -> None:
    shop.load(data_dir / "marketing_campaign" / "marketing_campaign.csv", kind="profiles", entity="ID")
    row = shop.rows("Dt_Customer::VARCHAR, Income", order="_seq LIMIT 1")
    assert row == [("2012-09-04", 58_138)]  # 04-09-2012
    assert shop.rows("count(*) - count(Income), max(Dt_Customer)::VARCHAR") == [(24, "2014-06-29")]


def test_deals_join_lookups_and_need_no_account(shop: Shop, data_dir: Path) -> None:
    folder = data_dir / "crm_sales_opportunities"
    deals = {"kind": "records", "entity": "account", "entity_kind": "account", "key": "opportunity_id"}
    shop.load(folder / "sales_pipeline.csv.gz", "deals", **deals)
    shop.load(folder / "products.csv", "products", kind="lookup", entity="product")
    shop.load(folder / "sales_teams.csv", "teams", kind="lookup", entity="sales_agent")
    assert shop.catalog.dataset("deals").joins == {"products": "product", "teams": "sales_agent"}
    assert shop.rows("count(*) - count(_entity)", "data/deals") == [(1_425,)]
    assert len(shop.entities()) == 85  # lookups bring no entities
