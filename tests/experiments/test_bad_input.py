"""What cannot be used, in words, with its place and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.experiments.doors import ask, refused, run, write

ROWS = "id,arm,paid,spend\n1,A,1,3.5\n2,B,0,x\n3,A,true,1\n4,B,no,2\n5,A,0,0\n6,B,1,\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "units.csv", ROWS)


BASE = ["--unit", "id", "--arm", "arm", "--control", "A"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--metric", "paid"], "bad_metric", "COLUMN:binary"),
        (["--metric", "paid/:ratio"], "bad_metric", "numerator and a denominator"),
        (["--metric", "paid:p0"], "bad_metric", "no quantile"),
        (["--metric", "paid:binary", "--metric", "paid:binary"], "bad_metric", "twice"),
        (["--metric", "payed:binary"], "unknown_column", 'Did you mean "paid"'),
        (["--metric", "spend:mean"], "bad_column", '1 values are no finite numbers, such as "x"'),
        (["--metric", "paid:binary", "--weights", "A=0.7,B=0.7"], "bad_weights", "add up to 1.4"),
        (["--metric", "paid:binary", "--weights", "A=1"], "bad_weights", "No weight is given for B"),
        (["--metric", "paid:binary", "--weights", "A=1,B=0"], "bad_weights", "not above 0"),
        (["--metric", "paid:binary", "--weights", "A=1,B=x"], "bad_argument", "NAME=NUMBER"),
        (["--metric", "paid:binary", "--control", "C"], "unknown_name", 'There is no arm "C"'),
        (["--metric", "paid:binary", "--guardrail", "spend:0.1"], "unknown_name", 'no metric "spend"'),
        (["--metric", "paid:binary", "--guardrail", "paid:lots"], "bad_argument", "METRIC:HARM"),
        (["--metric", "paid:binary", "--sequential", "-5"], "bad_argument", "not a number of units"),
        (["--metric", "paid:binary", "--segment", "city"], "unknown_column", 'no column "city"'),
        (["--metric", "paid:median", "--covariate", "paid:median=spend"], "bad_argument", "cannot be adjusted"),
        (["--metric", "paid:binary", "--cost", "Z=1"], "unknown_name", 'no arm "Z"'),
    ],
)
def test_refused_in_words(file: Path, words: list[str], code: str, says: str) -> None:
    error = refused("analyse", file, *BASE, *words)
    assert error["code"] == code and says in f"{error['message']} {error['fix']}", error


def test_words_for_yes_and_no_are_numbers(file: Path) -> None:
    found = ask("analyse", file, *BASE, "--metric", "paid:binary")
    (row,) = found["metrics"]
    assert (row["control_value"], row["value"]) == pytest.approx((2 / 3, 1 / 3))


def test_a_share_takes_no_other_numbers(tmp_path: Path) -> None:
    file = write(tmp_path / "u.csv", "id,arm,paid\n1,A,2\n2,B,1\n3,A,0\n4,B,0\n")
    error = refused("analyse", file, *BASE, "--metric", "paid:binary")
    assert error["code"] == "bad_column" and "paid:mean" in error["fix"]


def test_one_arm(tmp_path: Path) -> None:
    file = write(tmp_path / "u.csv", "id,arm,paid\n1,A,1\n2,A,0\n")
    error = refused("analyse", file, *BASE, "--metric", "paid:binary")
    assert error["code"] == "one_arm" and "nobody to compare with" in error["message"]
    assert (
        refused("assign", file, "--unit", "id", "--name", "x", "--arms", "A=1", "--to", tmp_path / "o.csv")["code"]
        == "one_arm"
    )
    assert refused("power", "--rate", "0.1", "--lift", "0.1", "--arms", "A=1")["code"] == "one_arm"


def test_not_an_arm_column(tmp_path: Path) -> None:
    lines = "\n".join(f"{i},k{i},1" for i in range(80))
    file = write(tmp_path / "u.csv", f"id,arm,paid\n{lines}\n")
    error = refused("analyse", file, "--unit", "id", "--arm", "arm", "--control", "k1", "--metric", "paid:binary")
    assert "more than 50 different values" in error["message"]


def test_missing_file_and_no_rows(tmp_path: Path) -> None:
    assert refused("analyse", tmp_path / "none.csv", *BASE, "--metric", "paid:binary")["code"] == "missing_file"
    empty = write(tmp_path / "e.csv", "id,arm,paid\n,,\n,A,1\n")
    assert refused("analyse", empty, *BASE, "--metric", "paid:binary")["code"] == "no_rows"


def test_irregular_csv_is_read_carefully(tmp_path: Path) -> None:
    """A quoted line break, and a row that repeats a unit in the other arm."""
    file = write(
        tmp_path / "u.csv",
        'id,arm,paid,note\n1,A,1,"a\nb"\n2,B,0,c\n3,A,0,\n4,B,1,d\n4,A,1,e\n,A,1,f\n6,,1,g\n7,B,0,h\n',
    )
    found = ask("analyse", file, *BASE, "--metric", "paid:binary")
    assert {n["code"]: n["count"] for n in found["notes"] if n["code"] != "few"} == {
        "in_two_arms": 1,
        "without_unit": 1,
        "without_arm": 1,
        "repeated": 1,
    }
    assert found["srm"]["observed"] == {"A": 2, "B": 2}


def test_strict_fails_where_sizes_are_wrong(tmp_path: Path) -> None:
    rows = "".join(f"{i},{'A' if i % 3 else 'B'},{i % 2}\n" for i in range(300))
    file = write(tmp_path / "u.csv", f"id,arm,paid\n{rows}")
    words = ["analyse", file, *BASE, "--metric", "paid:binary"]
    assert ask(*words)["stopped"] is True
    shown = run(*words)
    assert "Arms (sizes as meant" in shown and "Against the control" not in shown
    assert "sample_ratio" in run(*words, "--strict", code=1)


def test_power_says_what_is_missing() -> None:
    assert refused("power", "--lift", "0.1")["code"] == "bad_argument"
    assert refused("power", "--rate", "1.2", "--lift", "0.1")["code"] == "bad_argument"
    assert refused("power", "--rate", "0.9", "--lift", "0.5")["message"] == "A share of 0.9 cannot change by +0.45."
    assert refused("power", "--rate", "0.1", "--lift", "0")["message"] == "A difference of 0 cannot be found."
    assert refused("power", "--rate", "0.1")["message"] == "Nothing is asked."


def test_assign_refuses_repeated_and_missing_keys(tmp_path: Path) -> None:
    words = ["--unit", "id", "--name", "x", "--arms", "A=1,B=1", "--to", tmp_path / "o.csv"]
    assert refused("assign", write(tmp_path / "a.csv", "id,b\n1,1\n1,2\n"), *words)["code"] == "duplicate_entity"
    assert refused("assign", write(tmp_path / "b.csv", "id,b\n1,1\n,2\n"), *words)["code"] == "bad_column"
    assert not (tmp_path / "o.csv").exists()
