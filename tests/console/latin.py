"""Latin text that is seen on a Chinese page and is neither data nor on the list below."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.console.browser import somebody

from coterie.catalog.definitions import tag_to_dict
from coterie.catalog.schemas import ValueType
from coterie.engines.duckdb import scan
from coterie.engines.sql import quote_name
from coterie.store.accounts import Accounts
from coterie.tags.records import Builds
from coterie.workspace import Workspace

# Names of formats, of units and of statistics that Chinese texts write in Latin letters, and the product's own name.
ALLOWED = frozenset(
    """
    Coterie English CSV PNG XLSX Excel Parquet JSON JSONL Lines TSV SHA API TGI SQL RFM URL HTTP HTTPS SMTP OIDC ID
    HTML YAML KB MB GB AUC PR MAP NDCG ROI GMV SRM Qini AUUC CUPED EUR USD GBP CNY UTC pdf gz zst Webhook UpSet K L
    kB IP k n p xlsx
    """.split()
)
_LATIN = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")
_DATA = re.compile(r"“[^”]*”|`[^`]*`|\*\.\w+|\d{4}-\d\d-\d\dT[\d:.+]+Z?")  # quoted names, code, moments as stored
_MOST_VALUES = 200  # a column of more different values is free text
# Every text that is seen, with what screen readers say; data that is marked as not to be translated is left out.
SEEN = """() => {
  const found = [];
  const shown = (node) => {
    for (let e = node; e; e = e.parentElement) {
      if (e.getAttribute("translate") === "no" || e.lang === "en" || e.matches("script,style,textarea,svg:not([role])")) return false;
    }
    return node.checkVisibility ? node.checkVisibility({ checkOpacity: false, checkVisibilityCSS: true }) : true;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.nodeType === 3 ? node.parentElement : node;
    // Ant Design's own icons, and its buttons beside numbers, name themselves in English alone
    if (element === null || !shown(element) || element.matches(".anticon, [role=button][class*=input-number]")) continue;
    // the option of a drop-down that only screen readers meet says its label, and holds its value
    if (node.nodeType === 3 && element.matches("[role=option][aria-label]")) continue;
    if (node.nodeType === 3) found.push(node.nodeValue);
    else if (node.closest("[aria-hidden=true]") === null) for (const name of ["aria-label", "title", "placeholder", "alt"]) if (node.hasAttribute(name)) found.push(node.getAttribute(name));
  }
  return [document.title, ...found.filter((text) => /[A-Za-z]/.test(text))];
}"""


def latin(texts: Iterable[str], known: frozenset[str]) -> list[str]:
    """The texts that hold a Latin word which is neither data nor allowed."""
    odd = {t for t in texts if any(w not in known | ALLOWED for w in _LATIN.findall(_DATA.sub("", t)))}
    return sorted(text.strip()[:160] for text in odd)


def data_words(folder: Path) -> frozenset[str]:
    """All words of the workspace's own data: names, keys and values; free text is none of it."""
    texts: list[str] = ["Ada", "admin", "Often", folder.name]
    with Workspace.open(folder, read_only=True) as ws:
        texts += [d.name for kind in _KINDS for d in ws.store.all(kind)]
        texts += [str(d.body.get("folder") or "") for d in ws.store.all("audience")]
        texts += [token.name for token, _ in Accounts(ws.store).tokens()]
        texts += [goal["name"] for d in ws.store.all("campaign") for goal in d.body.get("goals", ())]
        texts += [group["group"] for group in ws.campaigns.exclusions()]
        for step in (step for d in ws.store.all("journey") for step in d.body["definition"]["steps"]):
            texts += [step["id"], *step.get("split", ())]
        texts += [ws.facts.zone, ws.facts.currency, somebody(folder)]
        for dataset in ws.catalog.datasets().values():
            texts += [dataset.name, *(f.name for f in dataset.fields)]
            texts += [str(b.facts.get("file")) for b in ws.lake.batches(dataset.name)]
        for tag in ws.catalog.tags().values():
            made = tag_to_dict(tag)
            texts += [tag.name, tag.unit or "", tag.family, *tag.category]
            texts.append(json.dumps({k: v for k, v in made.items() if k not in ("label", "description")}))
        texts += [str(v) for values in _values(ws) for v in values]
    return frozenset(word for text in texts for word in _LATIN.findall(text))


_KINDS = (
    "audience",
    "block",
    "campaign",
    "segmentation",
    "alert",
    "content",
    "recipe",
    "experiment",
    "journey",
    "source",
)


def _values(ws: Workspace) -> Iterable[list[Any]]:
    record = Builds(ws.store, "customer").published()
    for table in record.families.values() if record is not None else ():
        built = table.files(ws.lake)
        for column, kind in table.columns if built is not None else ():
            if "VARCHAR" in kind:
                yield _few(ws, built, column)
    for dataset in ws.catalog.datasets().values():
        files = ws.lake.files(dataset.table)
        for field in dataset.fields if files.paths else ():
            if field.type in (ValueType.TEXT, ValueType.TEXTS, ValueType.PATH):
                yield _few(ws, files, field.column)


def _few(ws: Workspace, files: Any, column: str) -> list[Any]:
    """The values of a column, where they are few."""
    sql = f"SELECT DISTINCT {quote_name(column)} FROM {scan(files)} LIMIT {_MOST_VALUES + 1}"
    rows = [row[0] for row in ws.engine.rows(sql)]
    return rows if len(rows) <= _MOST_VALUES else []


def latin_seen(page: Any, known: frozenset[str]) -> list[str]:
    """The Latin texts of a page as it stands, hidden ones left out."""
    return latin(page.evaluate(SEEN), known)
