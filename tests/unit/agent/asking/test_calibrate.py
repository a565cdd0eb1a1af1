import asyncio
from pathlib import Path

import pytest

from agent.asking.calibrate import CalibrationError, find
from agent.calibrating.place import Place, file


def test_the_truth_server_is_found_once_it_says_where_it_is(tmp_path: Path) -> None:
    place = Place(1, 2, "ca.pem")

    async def main() -> Place:
        finding = asyncio.create_task(find(file(tmp_path)))
        await asyncio.sleep(0)
        file(tmp_path).write_text(place.line())
        return await finding

    assert asyncio.run(main()) == place


def test_a_truth_server_that_does_not_run_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="does not run"):
        asyncio.run(find(file(tmp_path), patience_s=0))


@pytest.mark.parametrize("said", ["", "{}", "[1]", '{"port": "x"}'])
def test_a_file_that_says_something_else_is_a_sentence(tmp_path: Path, said: str) -> None:
    file(tmp_path).write_text(said)
    with pytest.raises(CalibrationError, match="does not say where"):
        asyncio.run(find(file(tmp_path)))
