"""What references stand for: variables, files that are swapped, the folder of secrets."""

import os
from pathlib import Path

import pytest

from agent.config import sources
from agent.config.references import Reference
from agent.config.sources import Sources
from support.mounted import Mounted

KEY = Reference("openai/api_key", "secret")


def test_a_default_stands_in_for_what_is_unset_or_empty() -> None:
    reference = Reference("A", default="d")
    assert [Sources(environ).value(reference) for environ in ({}, {"A": ""}, {"A": "x"})] == ["d", "d", "x"]
    assert Sources({}).value(Reference("A", default="")) == ""


@pytest.mark.parametrize(("environ", "state"), [({}, "is not set"), ({"A": ""}, "is empty")])
def test_a_variable_that_holds_nothing_is_told(environ: dict[str, str], state: str) -> None:
    with pytest.raises(LookupError, match=f"the environment variable A {state}; set it"):
        Sources(environ).value(Reference("A"))


def test_a_file_loses_one_trailing_newline(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"a b\n\r\n")
    assert Sources({}).value(Reference(str(file), "file")) == "a b\n"


@pytest.mark.parametrize(
    ("content", "part"), [(None, "No such file"), (b"\n", "is empty"), (b"\xff", "not UTF-8")]
)
def test_a_file_that_holds_no_secret_is_told(tmp_path: Path, content: bytes | None, part: str) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    for reference in (Reference(str(file), "file"), Reference("key", "secret")):
        with pytest.raises(LookupError, match=f"the file {file} .*{part}"):
            Sources({}, str(tmp_path)).value(reference)


def test_a_mounted_secret_is_found_through_its_links_and_anew_after_each_swap(tmp_path: Path) -> None:
    """As the kubelet does it: `..data` is renamed over, and the old folder goes."""
    mounted = Mounted(tmp_path / "openai", api_key="sk-first\n")
    found = Sources({}, str(tmp_path))
    assert found.value(KEY) == "sk-first"
    mounted.swap(api_key="sk-other\n")
    assert found.value(KEY) == "sk-other"


def test_a_file_is_read_once_for_each_of_its_contents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe must not pay for reading what did not change; `forget` reads all the same."""
    Mounted(tmp_path / "openai", api_key="sk-first")
    real, reads = sources._content, []

    def counted(path: str, within: str | None) -> str:
        reads.append(path)
        return real(path, within)

    monkeypatch.setattr(sources, "_content", counted)
    found = Sources({}, str(tmp_path))
    assert [found.value(KEY) for _ in range(3)] == ["sk-first"] * 3
    assert len(reads) == 1
    found.forget()
    assert (found.value(KEY), len(reads)) == ("sk-first", 2)


def test_a_swap_in_the_midst_of_a_lookup_is_looked_up_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path was resolved before the swap, and its folder is gone after it."""
    mounted = Mounted(tmp_path / "openai", api_key="sk-first")
    real = os.path.realpath

    def swapped(path: str, **how: bool) -> str:
        found = real(path, **how)
        if found.endswith("api_key") and mounted.swaps == 0:
            mounted.swap(api_key="sk-other")
        return found

    monkeypatch.setattr(os.path, "realpath", swapped)
    assert Sources({}, str(tmp_path)).value(KEY) == "sk-other"


def test_what_changes_while_it_is_read_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read may be the old one under the state of the new."""
    mounted = Mounted(tmp_path / "openai", api_key="sk-first")
    real = sources._content

    def late(path: str, within: str | None) -> str:
        content = real(path, within)
        if mounted.swaps == 0:
            mounted.swap(api_key="sk-other")
        return content

    monkeypatch.setattr(sources, "_content", late)
    found = Sources({}, str(tmp_path))
    assert [found.value(KEY) for _ in range(2)] == ["sk-first", "sk-other"]


@pytest.mark.parametrize("link", ["../outside", "/etc/hostname"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, link: str) -> None:
    """Whoever may write there must not have other files read for them, and sent to an endpoint of theirs."""
    (tmp_path / "outside").write_text("not-theirs")
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "key").symlink_to(link)
    with pytest.raises(
        LookupError, match="is a link out of the folder of secrets; put the file itself there"
    ):
        Sources({}, str(folder)).value(Reference("key", "secret"))


def test_a_folder_that_is_itself_a_link_is_fine(tmp_path: Path) -> None:
    """/var/run is one on most systems."""
    Mounted(tmp_path / "real" / "openai", api_key="sk-first")
    (tmp_path / "run").symlink_to("real")
    assert Sources({}, str(tmp_path / "run")).value(KEY) == "sk-first"


def test_a_neighbour_whose_name_begins_alike_is_outside(tmp_path: Path) -> None:
    (tmp_path / "secrets-of-others").mkdir()
    (tmp_path / "secrets-of-others" / "key").write_text("not-theirs")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").symlink_to("../secrets-of-others/key")
    with pytest.raises(LookupError, match="link out of the folder"):
        Sources({}, str(tmp_path / "secrets")).value(Reference("key", "secret"))


def test_a_secret_without_a_folder_is_told_which_key_is_missing() -> None:
    with pytest.raises(
        LookupError, match=r"`\$\{secret:openai/api_key\}` has no folder .*; write secrets: \{dir"
    ):
        Sources({}).value(KEY)
