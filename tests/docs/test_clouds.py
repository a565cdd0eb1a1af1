"""Every provider of the catalogue has a page, and the index of them is what the catalogue says."""

import os

import pytest

from probes import catalog
from support.clouds_index import INDEX, index, page


@pytest.mark.parametrize("provider", sorted(catalog.PROVIDERS))
def test_every_provider_has_a_page_that_configures_it(provider: str) -> None:
    assert page(provider) is not None, (
        f"no page in docs/clouds has a YAML block with `provider: {provider}`: write docs/clouds/{provider}.md"
    )


def test_the_index_is_what_the_catalogue_says() -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        INDEX.write_text(index())
    assert INDEX.read_text() == index(), "print it anew: UPDATE_GOLDEN=1 pytest tests/docs/test_clouds.py"
