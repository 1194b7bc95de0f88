"""What every part of the segment report needs: the fit, the study, the reader's language and the segments' colours."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from coterie.kit.moments import told_day
from coterie.learn.segments.model import SegmentFit
from coterie.learn.segments.names import Labels, label_of, level_text
from coterie.learn.segments.profile import Trait
from coterie.learn.segments.study.absent import NotApplicable, reason_text
from coterie.learn.segments.study.make import Study
from coterie.learn.segments.words import Language
from coterie.report.numbers import percent, plain
from coterie.report.page import paragraph
from coterie.report.segment_words import say
from coterie.report.svg import tones


@dataclass(frozen=True)
class View:
    """One reader's look at one fit; `study` is None where none was made."""

    fit: SegmentFit
    study: Study | None
    language: Language
    labels: Labels

    def say(self, key: str, **fields: object) -> str:
        """The report's words."""
        return say(key, self.language, **fields)

    def day(self, moment: str) -> str:
        """A moment of ISO text as the reader writes it."""
        return told_day(moment, self.language)

    def label(self, column: str) -> str:
        """What a column is called."""
        return label_of(column, self.language, self.labels)

    def output_label(self, name: str) -> str:
        """What a column of the prepared matrix is called: `column` or `column = level`."""
        column, _, level = name.partition(" = ")
        label = self.label(column)
        return f"{label} = {level_text(level, self.language)}" if level else label

    def name(self, j: int) -> str:
        """What the segment at that place is called."""
        name = self.fit.model.names[j]
        return name.en if self.language == "en" else name.zh

    @property
    def ids(self) -> tuple[int, ...]:
        """Of the segments, in their order."""
        return self.fit.model.ids

    @property
    def k(self) -> int:
        """The number of segments."""
        return self.fit.model.k

    @property
    def n(self) -> int:
        """Customers, those in no segment, too."""
        return sum(self.fit.model.sizes) + self.fit.model.unassigned

    @property
    def shades(self) -> tuple[str, ...]:
        """Colours in the order of the segments; an id has the same one in every report."""
        by_id = tones(self.ids)
        return tuple(by_id[i] for i in self.ids)

    @property
    def comma(self) -> str:
        """Between the items of a list."""
        return ", " if self.language == "en" else "、"

    def chip(self, j: int) -> str:
        """The segment's number on its colour, as HTML."""
        return f'<span class="chip" style="--tone:{self.shades[j]}">{self.ids[j]}</span>'

    def absent(self, found: NotApplicable | None) -> str:
        """Why a part has no figures; None: no study was made."""
        why = reason_text(found or NotApplicable("not_studied"), self.language)
        return paragraph(self.say("absent", reason=why), "absent")


def natural(trait: Trait, value: float) -> str:
    """A trait's value in its own units: a number, or a share."""
    return percent(value) if trait.in_percent else plain(value)


def cells(*texts: str) -> str:
    """A row of a table whose cells are HTML already."""
    return "<tr>" + "".join(f"<td>{text}</td>" for text in texts) + "</tr>"


def whole_table(heads: tuple[str, ...], rows: str, name: str = "data") -> str:
    """A table of rows that are HTML already; heads are plain text."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return (
        f'<div class="scroll"><table class="{name}"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )
