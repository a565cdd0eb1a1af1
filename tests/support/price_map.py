"""Makes agent/retirements.json anew from LiteLLM's public table of prices, which carries when models are retired.

python -m support.price_map .parts/litellm > agent/retirements.json
"""

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

SELLERS: Final[Mapping[str, str]] = {
    "anthropic": "anthropic", "azure": "azure", "azure_ai": "azure", "bedrock": "bedrock",
    "bedrock_converse": "bedrock", "bedrock_mantle": "bedrock", "cerebras": "cerebras", "cohere": "cohere",
    "cohere_chat": "cohere", "dashscope": "qwen", "deepseek": "deepseek", "fireworks_ai": "fireworks",
    "gemini": "gemini", "groq": "groq", "mistral": "mistral", "oci": "oci", "openai": "openai",
    "openrouter": "openrouter", "together_ai": "together", "xai": "xai",
}  # fmt: skip
"""That table's provider -> ours; its many `vertex_ai...` are one."""

MODES: Final = frozenset({"chat", "completion", "embedding", "responses"})

API_VERSIONS: Final = {
    "2024-07-01": [
        "2023-03-15-preview", "2023-07-01-preview", "2023-08-01-preview", "2023-09-01-preview",
        "2023-12-01-preview",
    ],
}  # fmt: skip
"""Azure's, by the day on which they were to be retired; later ones have no date that was published for each."""

VERSIONS_SOURCE: Final = "Microsoft, Azure OpenAI API preview lifecycle (May 2024)"


def collected(folder: Path) -> dict[str, Any]:
    """Return what the table in an environment that holds LiteLLM says."""
    (table,) = folder.glob("**/litellm/model_prices_and_context_window_backup.json")
    (version,) = table.parents[1].glob("litellm-*.dist-info")
    models: dict[str, dict[str, list[str]]] = {}
    for provider, model, day in sorted(set(_rows(json.loads(table.read_text())))):
        models.setdefault(provider, {}).setdefault(day, []).append(model)
    return {
        "models": {
            "source": f"LiteLLM's price table, {version.name.removesuffix('.dist-info').replace('-', ' ')}",
            "by_provider": {name: dict(sorted(days.items())) for name, days in models.items()},
        },
        "api_versions": {"source": VERSIONS_SOURCE, "by_provider": {"azure": API_VERSIONS}},
    }


def _rows(table: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for name, row in table.items():
        seller, day = str(row.get("litellm_provider")), row.get("deprecation_date")
        provider = "vertex" if seller.startswith("vertex_ai") else SELLERS.get(seller)
        if provider is None or day is None or row.get("mode") not in MODES:
            continue
        prefix = "vertex_ai" if provider == "vertex" else seller
        model = name.removeprefix(f"{prefix}/")
        # A region's or deployment type's own price: the model stands in the table by itself too.
        if provider in {"azure", "bedrock"} and "/" in model:
            continue
        yield provider, model, date.fromisoformat(day).isoformat()


def main() -> None:
    sys.stdout.write(json.dumps(collected(Path(sys.argv[1])), indent=1) + "\n")


if __name__ == "__main__":
    main()
