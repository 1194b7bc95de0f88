"""RFM of a real shop through the public doors, compared value by value with a script that knows only pandas."""

from __future__ import annotations

import ast
import csv
import runpy
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.shop import ask

import coterie

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "rfm_by_hand.py"
NAMES = ("recency_days", "frequency", "monetary", "r", "f", "m", "cell")
CUSTOMERS = 4_372
Rows = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def folder(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `product.csv`, written by the product, and `by_hand.csv`, written by the script."""
    made = tmp_path_factory.mktemp("rfm")
    file = str(data_dir / "online_retail" / "online_retail.csv.gz")
    ws = ("-w", "ws")
    ask(made, "init", "ws", "--zone", "UTC", "--currency", "GBP")
    roles = ("--as", "events", "--name", "orders", "--entity", "CustomerID", "--time", "InvoiceDate")
    report = ask(made, *ws, "import", file, *roles)
    assert (report["read"], report["accepted"], report["rejected"]) == (541_909, 406_829, 135_080)
    recipe = ("--recipe", "rfm", "--events", "orders", "--amount", "Quantity*UnitPrice", "--order", "InvoiceNo")
    ask(made, *ws, "tag", "add", *recipe)
    built = ask(made, *ws, "tag", "build", "--as-of", "2011-12-10")
    assert built["entities"] == CUSTOMERS
    ask(made, *ws, "tag", "values", *(f"rfm.{n}" for n in NAMES), "--to", "product.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [SCRIPT.name, file, str(made / "by_hand.csv")])
        runpy.run_path(str(SCRIPT), run_name="__main__")
    yield made


def read(path: Path, prefix: str = "") -> Rows:
    """The rows of a CSV by entity, all values as text."""
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return {
            row.pop("entity"): {k.removeprefix(prefix): v for k, v in row.items()} for row in csv.DictReader(handle)
        }


@pytest.fixture(scope="module")
def product(folder: Path) -> Rows:
    return read(folder / "product.csv", "rfm.")


def test_the_script_is_short_and_imports_only_pandas() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    imports = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import | ast.ImportFrom)]
    named = {alias.name for node in imports for alias in node.names}
    assert named - sys.stdlib_module_names == {"pandas"}
    assert len(text.splitlines()) < 60


def test_every_value_equals_the_one_computed_by_hand(folder: Path, product: Rows) -> None:
    expected = read(folder / "by_hand.csv")
    assert len(product) == CUSTOMERS
    assert product.keys() == expected.keys()
    for name in NAMES:
        exact = Decimal if name == "monetary" else str
        differ = [
            (e, row[name], expected[e][name])
            for e, row in product.items()
            if exact(row[name]) != exact(expected[e][name])
        ]
        assert not differ, (name, differ[:10])


def test_sums_are_those_that_were_published(product: Rows) -> None:
    assert sum(int(row["frequency"]) for row in product.values()) == 18_536
    assert sum(Decimal(row["monetary"]) for row in product.values()) == Decimal("8300065.814")
    assert sum(int(row["recency_days"]) for row in product.values() if row["recency_days"]) == 403_707
    assert sum(not row["recency_days"] for row in product.values()) == 33
    scores = Counter(row["f"] for row in product.values())
    assert [scores[part] for part in "12345"] == [1527, 835, 508, 630, 872]


def test_outcomes_after_a_cut_off_are_those_of_the_file(folder: Path, data_dir: Path) -> None:
    """What the report of segments calls revenue and coming back, against pandas."""
    import pandas as pd

    cutoff, days = datetime(2011, 9, 11, tzinfo=UTC), 90
    lines = pd.read_csv(data_dir / "online_retail" / "online_retail.csv.gz", dtype={"CustomerID": "Int64"})
    lines = lines[lines["CustomerID"].notna()]
    lines["amount"] = (lines["Quantity"] * lines["UnitPrice"]).round(3)
    lines["at"] = pd.to_datetime(lines["InvoiceDate"], utc=True)
    after = lines[(lines["at"] > cutoff) & (lines["at"] <= cutoff + timedelta(days=days))]
    revenue = after.groupby(after["CustomerID"].astype(str))["amount"].sum()
    known = set(lines.loc[lines["at"] <= cutoff, "CustomerID"].astype(str))
    bought = {i: set(rows["InvoiceNo"]) for i, rows in after[after["amount"] >= 0].groupby("CustomerID")}
    with coterie.open(folder / "ws") as ws:
        ws.segments.fit("buyers", ["rfm.recency_days", "rfm.frequency", "rfm.monetary"], k=2)
        version = ws.segments.registry.get("buyers")
        found = ws.segments._outcomes(version, {"revenue": "rfm.monetary", "orders": "rfm.frequency"}, cutoff, days)
        assert set(ws.segments.frame_of("buyers", as_of=cutoff).index) == known
    assert (found["revenue"] - revenue.reindex(found.index).fillna(0)).abs().max() < 1e-6
    assert set(found.index[found["returned"]]) == {str(i) for i in bought}
