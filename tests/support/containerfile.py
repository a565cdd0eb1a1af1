"""The Containerfile read as instructions, stage by stage."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

Instruction = tuple[str, str]


def stages() -> list[list[Instruction]]:
    """Return (keyword, words) of each stage; what stands before the first FROM is a stage of its own."""
    text = (ROOT / "Containerfile").read_text()
    lines = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    found: list[list[Instruction]] = [[]]
    for line in filter(str.strip, lines):
        keyword, _, words = line.strip().partition(" ")
        if keyword == "FROM":
            found.append([])
        found[-1].append((keyword, " ".join(words.split())))
    return found


def of(stage: list[Instruction], keyword: str) -> list[str]:
    return [words for found, words in stage if found == keyword]


def copied(stage: list[Instruction]) -> list[tuple[str, str]]:
    """Return (source, destination) of what a stage takes from the checkout."""
    pairs = []
    for words in of(stage, "COPY"):
        *sources, into = words.split()
        if not sources[0].startswith("--from"):
            pairs += [(source, into) for source in sources]
    return pairs


def defaults(stage: list[Instruction]) -> dict[str, str]:
    """Return the build arguments of a stage as they are where nobody gives them."""
    return dict(words.split("=", 1) for words in of(stage, "ARG"))
