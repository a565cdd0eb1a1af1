from pathlib import Path

from storage.positions import highest_position, load_position, save_position


def test_a_position_is_replaced_whole_and_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "readers"
    assert load_position(folder, "store") is None
    save_position(folder, "store", 41)
    save_position(folder, "store", 42)
    assert load_position(folder, "store") == 42
    assert [path.name for path in folder.iterdir()] == ["store"]


def test_the_highest_position_is_that_of_the_furthest_reader(tmp_path: Path) -> None:
    folder = tmp_path / "readers"
    assert highest_position(folder) == 0
    save_position(folder, "store", 7)
    save_position(folder, "metrics", 9)
    (folder / "broken").write_text("?")
    assert highest_position(folder) == 9
