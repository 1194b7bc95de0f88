"""Tags of one workspace: define, build, read, publish, describe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.catalog.schemas import RecipeUse, TagDefinition
from coterie.errors import Refused
from coterie.kit.moments import show_moment
from coterie.kit.progress import Progress
from coterie.tags.build import build, offered_as_of, plan
from coterie.tags.checks import read_definitions
from coterie.tags.context import TagContext
from coterie.tags.measures import Clock
from coterie.tags.published import default_as_of
from coterie.tags.recipes import expand
from coterie.tags.vocabulary import CatalogVocabulary

if TYPE_CHECKING:
    import pandas as pd

    from coterie.tags.publish import Publication

Moment = datetime | str | None


class Tags:
    """Everything known about a customer."""

    def __init__(self, context: TagContext) -> None:
        self._context = context

    def add(
        self,
        *,
        recipe: str | None = None,
        file: Path | None = None,
        definitions: Iterable[Any] = (),
        prefix: str | None = None,
        entity_kind: str = "customer",
        **options: Any,
    ) -> list[str]:
        """Define tags from a recipe with its options, from a YAML file, or from dicts; returns their names.

        Raises Refused: a mistake in a definition, with its place; nothing was defined then.
        """
        recipes = [] if recipe is None else [RecipeUse(recipe, options, prefix, entity_kind)]
        if recipe is None and options:
            raise Refused("bad_argument", "Options were given and no recipe.", place="--recipe", fix="Name a recipe.")
        documents = list(definitions)
        if file is not None:
            from coterie.tags.definitions_file import read_file

            found = read_file(file)
            recipes += found.recipes
            documents += found.tags
        if not recipes and not documents:
            fix = "Give --recipe NAME or --file FILE."
            raise Refused("bad_argument", "No tag was given.", place="tag add", fix=fix)
        return self.define(recipes, documents)

    def define(self, recipes: Sequence[RecipeUse], documents: Sequence[Any]) -> list[str]:
        """Define the tags of recipes and documents together: all of them, or none."""
        vocabulary = CatalogVocabulary(self._context.catalog, self._context.zone)
        clock = Clock(default_as_of(self._context), self._context.zone)
        made = [document for use in recipes for document in expand(use, vocabulary)]
        tags = read_definitions([*made, *documents], vocabulary, clock)
        for use in recipes:
            self._context.catalog.save_recipe(use)
        return self._context.catalog.save_tags(tags)

    def build(
        self, as_of: Moment = None, *, entity_kind: str | None = None, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Compute all tags as of a moment (default: now) and publish them: as_of, tags, entities, rows_scanned, ..."""
        kinds = [entity_kind] if entity_kind else self._kinds()
        moment = None if as_of is None else self._context.moment(as_of)
        reports = [build(self._context, entity_kind=kind, as_of=moment, progress=progress) for kind in kinds]
        first = asdict(reports[0])
        first["as_of"] = show_moment(reports[0].as_of, self._context.zone)
        for name in ("tags", "entities", "rows_scanned", "seconds"):
            first[name] = sum(getattr(report, name) for report in reports)
        return first

    def offered_as_of(self) -> str | None:
        """For old data the end of the last day with an event, to build as of; None where `now` will do."""
        moment = offered_as_of(self._context)
        return None if moment is None else show_moment(moment, self._context.zone)

    def plan(self, as_of: Moment = None, *, entity_kind: str = "customer") -> list[dict[str, Any]]:
        """The stages that `build` would run, and why."""
        moment = None if as_of is None else self._context.moment(as_of)
        return [stage._asdict() for stage in plan(self._context, entity_kind=entity_kind, as_of=moment)]

    def values(
        self, tags: Sequence[str], *, as_of: Moment = None, entity_kind: str = "customer", floats: bool = False
    ) -> pd.DataFrame:
        """One row per entity: `entity` and the tags; decimals exact, or all numbers as floats for models."""
        from coterie.tags.values import values

        moment = None if as_of is None else self._context.moment(as_of)
        return values(self._context, tags, as_of=moment, entity_kind=entity_kind, floats=floats)

    def write(self, tags: Sequence[str], to: Path, *, as_of: Moment = None, entity_kind: str = "customer") -> int:
        """Write tag values to a .csv or .parquet file; returns the number of rows."""
        from coterie.tags.values import write_values

        moment = None if as_of is None else self._context.moment(as_of)
        return write_values(self._context, tags, to, as_of=moment, entity_kind=entity_kind)

    def publish(self, frame: Any, name: str, as_of: Moment = None, *, entity_kind: str = "customer") -> Publication:
        """Publish your own frame as tags; see `coterie.tags.publish.publish_frame`."""
        from coterie.tags.publish import publish_frame

        return publish_frame(self._context, frame, name, as_of=as_of, entity_kind=entity_kind)

    def upload_list(self, name: str, file: Path, *, column: str, entity_kind: str = "customer") -> dict[str, Any]:
        """Publish the keys of a file as the tag `list.NAME`: matched, unmatched and some that did not match."""
        from coterie.tags.publish import upload_list

        return upload_list(self._context, name, file, column, entity_kind=entity_kind)

    def rows(self, language: str = "en") -> list[dict[str, Any]]:
        """All tags: name, type, coverage and what they are called."""
        from coterie.tags.dictionary import entries

        wanted = ("tag", "label", "type", "entity_kind", "coverage", "how")
        return [{k: entry[k] for k in wanted} for entry in entries(self._context, language)]

    def write_dictionary(self, to: Path, language: str = "en") -> int:
        """Write the dictionary: a page a tag into a folder, or one .csv or .json file; returns the number of tags."""
        from coterie.tags.dictionary import write_dictionary

        return write_dictionary(self._context, to, language)

    def delete(self, name: str) -> None:
        """Forget a declared tag. Raises Refused: another tag is made of it."""
        from coterie.tags.families import needs

        users = [t.name for t in self._tags().values() if name in needs(t)]
        if users:
            fix = "Change or delete those first."
            raise Refused("in_use", f'"{name}" is used by {", ".join(users)}.', place=name, fix=fix)
        self._context.catalog.delete_tag(name)

    def _tags(self) -> dict[str, TagDefinition]:
        return self._context.catalog.tags()

    def _kinds(self) -> list[str]:
        """Entity kinds that have tags; customers first."""
        kinds = {t.entity_kind for t in self._tags().values()} | {
            d.entity_kind for d in self._context.catalog.datasets().values() if d.kind.value != "lookup"
        }
        return sorted(kinds, key=lambda k: (k != "customer", k)) or ["customer"]
