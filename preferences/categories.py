"""Categories as resolution takes them, all at once: there are few of them."""

from preferences.models import Category
from preferences.resolution import CategoryFacts, Kind


def facts_of(category: Category) -> CategoryFacts:
    """What counts of a category when a person's wishes are resolved."""
    return CategoryFacts(
        id=category.pk,
        key=category.key,
        kind=Kind(category.kind),
        default_channels=tuple(category.default_channels),
        mandatory=category.mandatory,
    )


def every() -> dict[str, CategoryFacts]:
    """All categories by key, in the order people see them; one query."""
    return {category.key: facts_of(category) for category in Category.objects.all()}
