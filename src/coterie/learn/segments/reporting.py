"""The report of a version: what is known beside the fit is gathered and studied, then drawn once for as long as it holds.

The fit as it was kept -> the same people's tags as of its moment and as of the cut-off, other tags as descriptors, the
version before, drift since, marks and strategies -> `make_study` -> a page in each language and the figures of the fifteen
parts, kept beside the fit under a digest of all that they depend on.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from importlib.metadata import version as installed
from typing import Any, NamedTuple

import pandas as pd

from coterie.catalog.schemas import Aggregate, Measure, TagDefinition, ValueType
from coterie.errors import Refused
from coterie.kit.disk import disk_errors
from coterie.kit.plain import plain
from coterie.kit.progress import Progress
from coterie.learn.segments import lifetime
from coterie.learn.segments.drift import REFIT_DAYS, Drift
from coterie.learn.segments.model import SegmentFit
from coterie.learn.segments.people import People
from coterie.learn.segments.registry import Version
from coterie.learn.segments.study.economics import Margins
from coterie.learn.segments.study.make import Given, Study, make_study
from coterie.learn.segments.study.origin import Facts
from coterie.learn.segments.study.past import Before
from coterie.learn.segments.words import Language
from coterie.tags.views import View

_MOST_OTHERS = 40
_COUNTS = (Measure.DISTINCT, Measure.COUNT)


@dataclass(frozen=True)
class ReportOptions:
    """What a report is told beside the fit; everything may be left out.

    days : of the period after the cut-off, which lies so long before the version's as-of; 0: no outcomes.
    revenue, orders, response : tags that add up over all time, such as `rfm.monetary`: what they grew by after the cut-off
        is the outcome. The first two are found where there are such tags.
    margin, cost_per_order, cost_per_customer, contact_cost, response_value : see `study.economics.Margins`.
    protected : tags that must not decide whom one addresses; by default those whose names say so.
    keys : show customers' keys as they are, and not as digests.
    """

    days: int = 90
    revenue: str | None = None
    orders: str | None = None
    response: str | None = None
    margin: float | None = None
    cost_per_order: float | None = None
    cost_per_customer: float | None = None
    contact_cost: float | None = None
    response_value: float | None = None
    protected: tuple[str, ...] | None = None
    keys: bool = False


class Drawn(NamedTuple):
    """A report in both languages, and its fifteen parts as figures."""

    en: str
    zh: str
    figures: Mapping[str, Any]


Draw = Callable[[SegmentFit, Study, str], Drawn]
"""(fit, study, title) -> report."""


class Reporting(People):
    """Drift, studies and reports of segmentations."""

    def drift(self, name: str, *, every_days: float = REFIT_DAYS) -> Drift:
        """How today's customers differ from those of the last fit, and when to fit again. Raises NotFound."""
        if not every_days > 0:
            raise Refused("bad_argument", "That is no number of days.", place="--every", fix="Give days, such as 90.")
        version = self.registry.get(name)
        view = self._frames.today(version.entity_kind)
        frame = self._frames.frame(view, version.tags, self._frames.rule_of(version.body["audience"]))
        fitted = self.registry.fitted(version)
        return lifetime.drift_of(fitted, version.model, frame, view.as_of, every_days=every_days)

    def report(
        self,
        name: str,
        version: int | None = None,
        language: Language = "en",
        options: ReportOptions | None = None,
        progress: Progress | None = None,
    ) -> str:
        """The report of a version as one HTML page; of an update that of the fit behind it.

        Raises NotFound; Refused: a tag or number of the options that cannot be; Cancelled.
        """
        drawn = self._report(name, version, options or ReportOptions(), progress)
        return drawn.zh if language == "zh" else drawn.en

    def figures(
        self,
        name: str,
        version: int | None = None,
        options: ReportOptions | None = None,
        progress: Progress | None = None,
    ) -> Mapping[str, Any]:
        """The fifteen parts of the report, each with figures or `not_applicable` and why. Raises as `report` does."""
        return self._report(name, version, options or ReportOptions(), progress).figures

    def _report(self, name: str, number: int | None, options: ReportOptions, progress: Progress | None) -> Drawn:
        version = self.registry.fitted(self.registry.get(name, number))
        today = self._frames.today(version.entity_kind)
        depends = [installed("coterie"), asdict(options), self.known(name, version.number), today.as_of]
        depends += [
            version.number,
            self._audiences_version(version),
            [p.version for p in self.registry.promotions(name)],
        ]
        digest = hashlib.sha256(json.dumps(plain(depends), sort_keys=True, default=str).encode()).hexdigest()[:12]
        path = self._folder / f"{name}@{version.number}.{digest}.report.json"
        if path.exists():
            return Drawn(**json.loads(path.read_text(encoding="utf-8")))
        fit, study = self.study(name, version.number, options, progress)
        drawn: Drawn = self._draw(fit, study, name)
        with disk_errors():
            for old in self._folder.glob(f"{name}@{version.number}.*.report.json"):
                old.unlink(missing_ok=True)
            path.write_text(json.dumps(drawn._asdict(), ensure_ascii=False), encoding="utf-8")
        return drawn

    def study(
        self, name: str, version: int | None, options: ReportOptions, progress: Progress | None = None
    ) -> tuple[SegmentFit, Study]:
        """A fit with all that is known beside it. Raises as `report` does."""
        found = self.registry.fitted(self.registry.get(name, version))
        view, fit = self._frames.then(found), self.fit_of(name, found.number)
        others = self._others(found, view)
        labels = {} if others is None else self._frames.names([str(c) for c in others], found.entity_kind)
        fit = replace(fit, column_labels={**labels, **fit.column_labels})
        used = self.registry.in_use(name)
        adding = self._adding_up(found, options)
        given = Given(
            facts=self._facts(found, fit),
            money=self._frames.money(found.tags, found.entity_kind),
            weights=found.options.get("weights"),
            pca=found.options.get("pca"),
            others=others,
            protected=options.protected,
            frame_at=lambda moment: self._frames.of(found, self._at(found, moment)),
            windows=(found.as_of - timedelta(days=options.days),) if options.days else (),
            outcomes=(lambda moment, days: self._outcomes(found, adding, moment, days)) if adding else None,
            cutoff=found.as_of - timedelta(days=options.days) if options.days else None,
            days=options.days or 1,
            margins=_margins(options, adding),
            before=self._before(found),
            drift=self.drift(name).as_dict() if used is not None and used.number == found.number else None,
            strategies=self._strategies.of(name),
            marks=self._marks.of(name),
            humans=self.kept_labels(name),
            hashed=not options.keys,
        )
        return fit, make_study(fit, self._frames.of(found, view), given, progress)

    def _audiences_version(self, version: Version) -> Any:
        """The labels of today's tags change the page; so does what is published."""
        return self._context.lake.batches(f"segment.{version.name}")[-1:]

    def _at(self, version: Version, moment: datetime) -> View:
        return View.at(self._context, version.entity_kind, moment, version.data_version)

    def _facts(self, version: Version, fit: SegmentFit) -> Facts:
        options = [f"--{key.replace('_', '-')} {value}" for key, value in version.options.items() if _plain(key, value)]
        weights = [f"--weight {shlex.quote(f'{t}={w}')}" for t, w in (version.options.get("weights") or {}).items()]
        audience = [f"--audience {shlex.quote(version.body['audience'])}"] if version.body.get("audience") else []
        tags = f"--tags {shlex.quote(','.join(version.tags))}"
        rerun = ["coterie -w DIR segment fit", version.name, tags, *audience, *options, *weights]
        return Facts(
            as_of=str(version.body["as_of"]),
            data_version=version.data_version,
            audience=str(version.body.get("audience") or ""),
            entity_kind=version.entity_kind,
            rerun=" ".join(rerun),
        )

    def _others(self, version: Version, view: View) -> pd.DataFrame | None:
        """Tags that had no say in the segments, of the same people; those of one recipe with an input had."""
        kinds = self._context.catalog.tags(version.entity_kind)
        related = {kinds[t].recipe for t in version.tags if t in kinds} - {None}
        free = [t for t in kinds if t not in version.tags and kinds[t].recipe not in related]
        free = [t for t in free if not t.startswith("segment.")]
        wanted = sorted(free, key=lambda t: not t.startswith("reach."))[:_MOST_OTHERS]
        return self._frames.frame(view, wanted, version.body.get("audience_rule")) if wanted else None

    def _adding_up(self, version: Version, options: ReportOptions) -> dict[str, str]:
        """Tags that grow with every event, by outcome: `revenue`, `orders`, `response`."""
        kinds = self._context.catalog.tags(version.entity_kind)
        ordered = [*(t for t in version.tags if t in kinds), *(t for t in kinds if t not in version.tags)]
        money = [t for t in ordered if _grows(kinds[t], (Measure.SUM,)) and kinds[t].type is ValueType.DECIMAL]
        counts = [t for measure in _COUNTS for t in ordered if _grows(kinds[t], (measure,))]
        found = {
            "revenue": options.revenue or next(iter(money), ""),
            "orders": options.orders or next(iter(counts), ""),
        }
        found["response"] = options.response or ""
        for outcome in ("revenue", "orders", "response"):
            asked = getattr(options, outcome)
            if asked is not None and not _grows(self._context.catalog.tag(asked, version.entity_kind), None):
                fix = "Name a sum or a count over all time, such as rfm.monetary."
                raise Refused("bad_argument", f'"{asked}" does not add up over time.', place=f"--{outcome}", fix=fix)
        return {outcome: tag for outcome, tag in found.items() if tag}

    def _outcomes(self, version: Version, adding: Mapping[str, str], moment: datetime, days: int) -> pd.DataFrame:
        """What the tags grew by in the days after a moment."""
        tags, rule = list(dict.fromkeys(adding.values())), version.body.get("audience_rule")
        before = self._frames.frame(self._at(version, moment), tags)
        after = self._frames.frame(self._at(version, moment + timedelta(days=days)), tags, rule)
        grown = {tag: _numbers(after[tag]) - _numbers(before[tag]).reindex(after.index).fillna(0.0) for tag in tags}
        made = {}
        if "revenue" in adding:
            made["revenue"] = grown[adding["revenue"]]
        if "orders" in adding:
            made["returned"] = grown[adding["orders"]] > 0
        if "response" in adding:
            made["response"] = grown[adding["response"]] > 0
        return pd.DataFrame(made)

    def _before(self, version: Version) -> Before | None:
        """The version that this one was compared with, and the labels that it had published."""
        story = version.body.get("identity")
        if story is None or not story["comparable"]:
            return None
        earlier = self.registry.get(version.name, int(story["from_version"]))
        published = self.registry.published(version.name, earlier.number)
        if published is None:
            return None
        labels = self._frames.labels_at(version.name, version.entity_kind, published.as_of, published.data_version)
        return Before(earlier.number, str(earlier.body["as_of"]), earlier.model, labels)


def _grows(tag: TagDefinition, measures: tuple[Measure, ...] | None) -> bool:
    """Whether a tag is a sum or a count over all time."""
    spec = tag.spec
    if not isinstance(spec, Aggregate) or spec.within is not None or spec.between is not None:
        return False
    return spec.measure in (measures or (Measure.SUM, *_COUNTS))


def _numbers(values: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_numeric(values.astype(float)).fillna(0.0)


def _plain(key: str, value: Any) -> bool:
    return value is not None and key != "weights" and not isinstance(value, list | dict)


def _margins(options: ReportOptions, adding: Mapping[str, str]) -> Margins | None:
    told = ("margin", "cost_per_order", "cost_per_customer", "contact_cost", "response_value")
    given = {name: getattr(options, name) for name in told if getattr(options, name) is not None}
    if not given:
        return None
    return Margins(revenue=adding.get("revenue", ""), orders=adding.get("orders", ""), **given)
