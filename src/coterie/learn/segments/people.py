"""What people say and do with segments: labels of their own, marks, strategies, audiences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from coterie.engines.export import write
from coterie.errors import Refused, did_you_mean
from coterie.kit.plain import plain
from coterie.learn.segments import handover, humans
from coterie.learn.segments.columns import as_numbers
from coterie.learn.segments.frames import tag_name
from coterie.learn.segments.humans import Mark
from coterie.learn.segments.reading import Reading
from coterie.learn.segments.registry import Version
from coterie.learn.segments.stored import decode, encode
from coterie.learn.segments.strategy import FIELDS, Strategy, per_customer
from coterie.tags.views import View

_OVERLOOKED_KEPT = 100  # in the report; all of them go into the file that is asked for


class People(Reading):
    """Labels, marks, strategies and audiences of segments."""

    def compare_labels(
        self,
        name: str,
        file: Path | None = None,
        *,
        entity: str | None = None,
        label: str | None = None,
        tag: str | None = None,
        amount: str | None = None,
        top: str | None = None,
        to: Path | None = None,
    ) -> humans.Agreement:
        """People's labels, of a file or a tag, against the published segments; see `humans.compare`.

        amount : the tag that tells the largest customers; by default the first one of money that was segmented by.
        to : file for the overlooked. The figures are kept, and shown with the segmentation.
        """
        version = self.registry.get(name)
        view = self._frames.today(version.entity_kind)
        given = self._given_labels(view, file, entity, label, tag)
        money = self._frames.money(version.tags, view.kind)
        amount = amount or (money[0] if money else None)
        amounts = None if amount is None else self._amounts(view, amount)
        segments = self._frames.labels_at(name, view.kind, view.as_of)
        found = humans.compare(given, segments, amounts, amount=amount, top=top)
        kept = {key: value for key, value in found.as_dict().items() if key not in ("overlooked", "examples")}
        source = {"source": tag or (file.name if file else ""), "version": version.number}
        whole = encode(replace(found, overlooked=found.overlooked[:_OVERLOOKED_KEPT]))
        told = {**kept, **source, "overlooked": len(found.overlooked), "agreement": whole}
        self._context.store.put(humans.LABELS, name, plain(told))
        if to is not None:
            self._write_overlooked(found, to)
        return found

    def _given_labels(
        self, view: View, file: Path | None, entity: str | None, label: str | None, tag: str | None
    ) -> list[tuple[str, str]]:
        if (file is None) == (tag is None):
            fix = "Give a file with --entity and --label, or --tag."
            raise Refused("bad_argument", "The labels are in a file or in a tag.", place="--tag", fix=fix)
        if tag is not None:
            found = self._frames.frame(view, [tag])[tag]
            return [(str(key), "" if pd.isna(v) else str(v)) for key, v in found.items()]
        assert file is not None
        raw = self._frames.read(file)
        for option, column in (("--entity", entity), ("--label", label)):
            if column not in raw:
                columns = [str(c) for c in raw.columns]
                fix = did_you_mean(str(column), columns) or f"There is: {', '.join(columns[:8])}."
                said = f'The file has no column "{column}".' if column else f"Give the column with {option}."
                raise Refused("missing_column", said, place=option, fix=fix)
        pairs = zip(raw[entity], raw[label], strict=True)
        return [(str(key), "" if value is None or pd.isna(value) else str(value)) for key, value in pairs]

    def _amounts(self, view: View, tag: str) -> dict[str, float]:
        found = self._frames.frame(view, [tag])[tag]
        numbers = as_numbers(found)
        return {str(key): float(v) for key, v in zip(found.index, numbers, strict=True) if not np.isnan(v)}

    def _write_overlooked(self, found: humans.Agreement, to: Path) -> None:
        import pyarrow as pa

        parts = {field: [getattr(o, field) for o in found.overlooked] for field in humans.Overlooked._fields}
        kinds = {"entity": pa.string(), "segment": pa.int64(), "label": pa.string(), "amount": pa.float64()}
        with self._context.engine.cursor() as engine:
            engine.register("overlooked", pa.table({c: pa.array(v, kinds[c]) for c, v in parts.items()}))
            write(engine, "SELECT * FROM overlooked", to)

    def mark(
        self, name: str, segment: int, what: str, note: str = "", *, version: int | None = None, **more: Any
    ) -> Mark:
        """Keep what somebody says of a segment, its name, its reason or a customer in it; see `humans.Marks.add`.

        Raises NotFound: no such segment.
        """
        found = self.registry.get(name, version)
        handover.check_segment(found, segment)
        made = self._marks.add(name, segment, found.number, what, note, **more)
        self._retold(name, made)
        return made

    def withdraw_mark(self, name: str, id_: str, by: str = "") -> Mark:
        """Take a mark back; a name that it gave is given no more. Raises NotFound: no such segmentation or mark."""
        self.registry.get(name)
        made = self._marks.withdraw(name, id_, by)
        self._retold(name, made)
        return made

    def _retold(self, name: str, mark: Mark) -> None:
        """After a segment got another name, let the tag say so."""
        used = self.registry.promoted(name)
        if used is not None and (mark.name_en or mark.name_zh):
            promoted = self.registry.get(name, used.version)
            self._frames.describe(tag_name(name), promoted.entity_kind, self._about(promoted))

    def kept_labels(self, name: str) -> humans.Agreement | None:
        """The newest comparison with people's labels; None where there was none. Raises NotFound."""
        self.registry.get(name)
        kept = self._context.store.find(humans.LABELS, name)
        return None if kept is None else decode(humans.Agreement, kept.body["agreement"])

    def set_strategy(self, name: str, segment: int, **given: str | None) -> Strategy:
        """Say who looks after a segment, what they do and how they sell; published as tags `segment.NAME.strategy.*`.

        given : `owner`, `action`, `policy`; those not given stay. Raises NotFound: no such segment.
        """
        version = self.registry.get(name)
        handover.check_segment(version, segment)
        made = self._strategies.set(name, segment, **given)
        view = self._frames.today(version.entity_kind)
        labels = self._frames.labels_at(name, view.kind, view.as_of)
        if labels:
            frame = pd.DataFrame({"entity": list(labels), "segment": list(labels.values())})
            self._publish_strategies(name, frame, view)
        return made

    def strategy_of(self, name: str, segment: int) -> Strategy:
        """What is to be done with a segment; empty parts where nothing was said. Raises NotFound: no such segmentation."""
        self.registry.get(name)
        return self._strategies.of(name).get(segment, Strategy(segment))

    def save_audience(
        self, name: str, segment: int, audience: str, *, by: str = "tag", language: str = "en"
    ) -> dict[str, Any]:
        """Save a segment as an audience: by the tag itself, or by its explaining rule. Returns what saving does.

        Raises NotFound: no such segment, or no rule for it.
        """
        version = self.registry.get(name)
        rule = handover.segment_rule(version, segment, by)
        said = f"{self.names(name)[segment].en} (segment {segment} of {name})"
        kind = version.entity_kind
        return self._audiences.save(audience, rule, entity_kind=kind, language=language, description=said) | {
            "rule": rule
        }

    def sql(self, name: str, segment: int) -> dict[str, Any]:
        """The explaining rule of a segment as SQL, with how well it does. Raises NotFound: no such segment or rule."""
        version = self.registry.get(name)
        handover.segment_rule(version, segment, "rule")
        found = version.body["summary"]["rules"][str(segment)]
        told = {"segmentation": name, "version": version.number, "segment": segment}
        told |= {"sql": handover.segment_sql(found["rule"]), "among": version.body.get("audience")}
        return told | {part: found[part] for part in ("sentence", "precision", "recall")}

    def _about(self, version: Version) -> dict[str, Any]:
        name, moment = version.name, f"{version.as_of:%Y-%m-%d}"
        model, names = version.model, self.names(version.name, version.number)
        seed = version.options.get("seed", 0)
        return {
            "label": {"en": f"Segment of {name}", "zh": f"{name} 分群"},
            "description": {
                "en": f"Segments of {name}, version {version.number} ({version.kind}, {version.options.get('method')}, "
                f"seed {seed}, data version {version.data_version}, as of {moment}).",
                "zh": f"{name} 分群，第 {version.number} 版（数据版本 {version.data_version}，截至 {moment}）。",
            },
            "category": ("segment",),
            "levels": {"0": {"en": "In no segment", "zh": "不属于任何分群"}}
            | {str(i): {"en": names[i].en, "zh": names[i].zh} for i in model.ids},
        }

    def _publish_strategies(self, name: str, labels: pd.DataFrame, view: View) -> None:
        strategies = self._strategies.of(name)
        if not strategies:
            return
        words = {"owner": ("owner", "负责人"), "action": ("action", "行动"), "policy": ("sales policy", "销售政策")}
        about = {
            field: {"label": {"en": f"{name}: {words[field][0]}", "zh": f"{name} {words[field][1]}"}}
            for field in FIELDS
        }
        self._frames.publish(per_customer(labels, strategies), f"{tag_name(name)}.strategy", view, about)
