"""The names of a workspace, as rules and expressions see them."""

from __future__ import annotations

from functools import cached_property
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import Dataset, TagDefinition
from coterie.catalog.service import Catalog
from coterie.errors import unknown_name
from coterie.rules.vocabulary import TagInfo


class CatalogVocabulary:
    """`rules.Vocabulary` over a catalog, read once: definitions do not change while one question is answered.

    entity_kind : whose tags.
    """

    def __init__(self, catalog: Catalog, zone: ZoneInfo, entity_kind: str = "customer") -> None:
        self._catalog, self._zone, self.entity_kind = catalog, zone, entity_kind

    @property
    def zone(self) -> ZoneInfo:
        """The workspace's time zone."""
        return self._zone

    def of_kind(self, entity_kind: str) -> CatalogVocabulary:
        """The names of another entity kind."""
        if entity_kind == self.entity_kind:
            return self
        return CatalogVocabulary(self._catalog, self._zone, entity_kind)

    @cached_property
    def definitions(self) -> dict[str, TagDefinition]:
        """The tags of the entity kind."""
        return self._catalog.tags(self.entity_kind)

    @cached_property
    def datasets(self) -> dict[str, Dataset]:
        """All datasets."""
        return self._catalog.datasets()

    def tag(self, name: str) -> TagInfo:
        """The tag of that name. Raises NotFound."""
        if name not in self.definitions:
            raise unknown_name("tag", name, self.definitions)
        tag = self.definitions[name]
        return TagInfo(tag.name, tag.type, tag.family, tag.entity_kind, tag.label)

    def tag_names(self) -> list[str]:
        """All tags."""
        return list(self.definitions)

    def dataset(self, name: str) -> Dataset:
        """The dataset of that name. Raises NotFound."""
        if name not in self.datasets:
            raise unknown_name("dataset", name, self.datasets)
        return self.datasets[name]

    def dataset_names(self) -> list[str]:
        """All datasets."""
        return list(self.datasets)
