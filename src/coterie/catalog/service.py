"""What is defined in a workspace: datasets, tags and recipes in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from coterie.catalog.datasets import dataset_from_dict, dataset_to_dict
from coterie.catalog.definitions import recipe_from_dict, recipe_to_dict, tag_from_dict, tag_to_dict
from coterie.catalog.schemas import (
    Dataset,
    DatasetKind,
    FieldOf,
    ListMember,
    Published,
    RecipeUse,
    TagDefinition,
    ValueType,
)
from coterie.errors import unknown_name
from coterie.store.service import Store


class Catalog:
    """The definitions in a store.

    >>> from coterie.catalog.schemas import Field
    >>> catalog = Catalog(Store.open("sqlite://"))
    >>> city = Field("city", ValueType.TEXT, "city")
    >>> catalog.save_dataset(Dataset("people", DatasetKind.PROFILES, (city,), entity="id"))
    1
    >>> catalog.tag("city").spec
    FieldOf(dataset='people', field='city')
    >>> catalog.tag("citty")
    Traceback (most recent call last):
    coterie.errors.NotFound: `unknown_name`: There is no tag "citty". Did you mean "city"?
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def datasets(self) -> dict[str, Dataset]:
        """All datasets, by name."""
        return {d.name: dataset_from_dict(d.body) for d in self._store.all("dataset")}

    def dataset(self, name: str) -> Dataset:
        """The dataset of that name. Raises NotFound."""
        found = self._store.find("dataset", name)
        if found is None:
            raise unknown_name("dataset", name, self.datasets())
        return dataset_from_dict(found.body)

    def save_dataset(self, dataset: Dataset) -> int:
        """Keep a dataset's definition; returns its version."""
        return self._store.put("dataset", dataset.name, dataset_to_dict(dataset))

    def tags(self, entity_kind: str | None = None) -> dict[str, TagDefinition]:
        """All tags, by name: those declared, and a tag for every field of a profiles dataset."""
        declared = self.declared_tags(entity_kind)
        return field_tags(self.datasets().values(), declared, entity_kind) | declared

    def declared_tags(self, entity_kind: str | None = None) -> dict[str, TagDefinition]:
        """The tags that were declared, by name."""
        tags = (tag_from_dict(d.body) for d in self._store.all("tag"))
        return {t.name: t for t in tags if entity_kind in (None, t.entity_kind)}

    def tag(self, name: str, entity_kind: str | None = None) -> TagDefinition:
        """The tag of that name. Raises NotFound."""
        tags = self.tags(entity_kind)
        if name not in tags:
            raise unknown_name("tag", name, tags)
        return tags[name]

    def save_tags(self, tags: Iterable[TagDefinition]) -> list[str]:
        """Keep tags; returns their names. They must have been checked (`coterie.tags.checks`)."""
        names = []
        for tag in tags:
            self._store.put("tag", tag.name, tag_to_dict(tag))
            names.append(tag.name)
        return names

    def delete_tag(self, name: str) -> None:
        """Forget a declared tag; its history stays. Raises NotFound."""
        self._store.delete("tag", name)

    def recipes(self) -> list[RecipeUse]:
        """The recipes in use, by id."""
        return [recipe_from_dict(d.body) for d in self._store.all("recipe")]

    def save_recipe(self, use: RecipeUse) -> int:
        """Keep a recipe in use; returns its version."""
        return self._store.put("recipe", use.id, recipe_to_dict(use))

    def export(self) -> dict[str, Any]:
        """What `coterie.yaml` holds of tags: recipes in use, and the tags that no recipe made."""
        made = (Published, ListMember)  # they come with the frames and lists that were published
        tags = [t for t in self.declared_tags().values() if t.recipe is None and not isinstance(t.spec, made)]
        own = [tag_to_dict(t) for t in tags]
        return {"recipes": [recipe_to_dict(r) for r in self.recipes()], "tags": own}


_COLUMNS = ("entity", "row")  # columns of the tables that tags stand in


def field_tags(
    datasets: Iterable[Dataset], declared: Mapping[str, TagDefinition], entity_kind: str | None = None
) -> dict[str, TagDefinition]:
    """A tag for every field of a profiles dataset: of the field's name, or `DATASET.FIELD` where two tags would clash.

    Its key is no tag, nor is a vector. A tag that was declared keeps its name, and so do the columns `entity` and
    `row`.
    """
    profiles = [d for d in datasets if d.kind is DatasetKind.PROFILES and entity_kind in (None, d.entity_kind)]
    found = [(d, f) for d in profiles for f in d.fields if f.column != "_entity" and f.type is not ValueType.VECTOR]
    times = Counter((d.entity_kind, f.name) for d, f in found)
    tags = {}
    for dataset, field in found:
        clash = times[dataset.entity_kind, field.name] > 1 or field.name in declared or field.name.lower() in _COLUMNS
        name = f"{dataset.name}.{field.name}" if clash else field.name
        spec = FieldOf(dataset.name, field.name)
        tags[name] = TagDefinition(
            name, field.type, spec, dataset.name, dataset.entity_kind, field.label, field.description, (dataset.name,)
        )
    return tags
