"""RFM of Online Retail as of 2011-12-10 (UTC) from the file alone, to compare with: `rfm_by_hand.py IN.csv.gz OUT.csv`.

A line with an amount of 0 or more is a purchase, one below is a refund; a line without a customer is left out.
recency_days: calendar days since the last purchase; frequency: different invoices with a purchase; monetary: the sum of
all amounts; r, f, m: 1 + floor(5 x share of customers strictly worse), and without a purchase r is 1; cell: r, f, m.
"""

import sys

import pandas as pd

AS_OF = pd.Timestamp("2011-12-10")
PARTS = 5


def read_lines(path: str) -> pd.DataFrame:
    """Lines that name a customer, with `entity` and the amount in thousandths, since prices have up to three digits."""
    text = {"InvoiceNo": str, "CustomerID": str, "UnitPrice": str}
    lines = pd.read_csv(path, dtype=text, parse_dates=["InvoiceDate"]).dropna(subset="CustomerID")
    whole = lines["UnitPrice"].str.partition(".")
    price = whole[0].astype("int64") * 1000 + whole[2].str.ljust(3, "0").astype("int64")
    return lines.assign(entity=lines["CustomerID"].str.removesuffix(".0"), thousandths=lines["Quantity"] * price)


def score(values: pd.Series) -> pd.Series:
    """1 + floor(5 x share strictly worse), where less is worse; a missing value scores 1 and is worse than nobody."""
    worse = values.rank(method="min").fillna(1).astype("int64") - 1
    return 1 + PARTS * worse // len(values)


def rfm(lines: pd.DataFrame) -> pd.DataFrame:
    """The seven values of every customer, by key."""
    bought = lines[lines["thousandths"] >= 0].groupby("entity")
    found = pd.DataFrame(index=lines["entity"].drop_duplicates().sort_values())
    days = (AS_OF - bought["InvoiceDate"].max().dt.normalize()).dt.days
    found["recency_days"] = days.astype("Int64").reindex(found.index)
    found["frequency"] = bought["InvoiceNo"].nunique().reindex(found.index, fill_value=0)
    total = lines.groupby("entity")["thousandths"].sum()
    sign = total.lt(0).map({True: "-", False: ""})
    found["monetary"] = sign + (total.abs() // 1000).astype(str) + "." + (total.abs() % 1000).astype(str).str.zfill(3)
    found["r"] = score(-found["recency_days"].astype("Float64"))
    found["f"], found["m"] = score(found["frequency"]), score(total)
    found["cell"] = found["r"].astype(str) + found["f"].astype(str) + found["m"].astype(str)
    return found


if __name__ == "__main__":
    rfm(read_lines(sys.argv[1])).to_csv(sys.argv[2])
