import dataclasses

from exporters import status, words
from exporters.board import Board
from exporters.pages import Upkept
from probes.result import Fault, Outcome
from support import pages
from support.notices import a_notice
from support.pages import Read, info, page_plan, tell
from support.told import SECOND_NS, START_NS

NOW_NS = START_NS + 10 * SECOND_NS
HOSTILE = '<script>alert("x")</script>\x1b[2J\n"quoted" & more'


def board(*targets: str, simulated: bool = False) -> Board:
    made = Board("1.2.3")
    made.plan(page_plan(*(info(name, simulated=simulated) for name in targets or ("openai",))))
    return made


def both(made: Board) -> tuple[Read, str]:
    page = made.page(NOW_NS)
    return Read(status.html(page)), status.text(page)


def test_browsers_get_html_and_others_a_plain_table() -> None:
    page = board().page(NOW_NS)
    chrome = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    for accept, kind in ((chrome, status.HTML), ("*/*", status.TEXT), ("", status.TEXT)):
        assert status.render(page, accept)[0] == kind
    assert status.render(page, chrome)[1].startswith(b"<!doctype html>")


def test_every_target_is_shown_with_its_figures() -> None:
    made = board("openai", "azure")
    tell(made, target="azure", ttft_s=0.412)
    tell(
        made,
        target="openai",
        outcome=Outcome.OVERLOADED,
        error="busy",
        fault=Fault.UNDETERMINED,
        confirmed=True,
    )
    made.show((pages.status("azure"), pages.status("openai", state="bad", budget_remaining=-1.5)))
    html, text = both(made)
    html.assert_plain_and_accessible()
    targets, objectives = html.tables
    assert [row[0].split()[0] for row in targets] == ["Target", "openai", "azure"]
    down, good = targets[1:]
    assert down[1] == "■ down for 10 s"
    assert down[4] == "-150 % of available"
    assert down[6] == "overloaded, 10 s ago chat: busy; fault undetermined"
    assert good[2:6] == ["412 ms median of 1", "99.954 % coverage 99 %", "54 % of available", "10 s ago"]
    assert objectives[1][0] == "available 99.9 % available over 28d"
    assert objectives[1][4] == "-150 % openai 99.954 % with chat, coverage 99 %"
    lines = text.splitlines()
    assert "1 down, 0 degraded, 0 unknown, 1 good" in lines
    assert any(line.startswith("good   azure   412 ms       99.954 %   54 % of available") for line in lines)


def test_alerts_stand_on_top_by_the_names_that_commands_take_and_what_is_only_held_comes_last() -> None:
    made = board()
    fires = a_notice(
        key="target-down/a@7", severity="ticket", summary="Target a is down", detail="fault: target a"
    )
    held = a_notice(
        key="service-down/s@5", severity="page", summary="Service s is down", detail="fault: cloud x"
    )
    made.alerts([dataclasses.replace(held, quiet_ns=START_NS), fires])
    html, text = both(made)
    lines = text.splitlines()
    at = lines.index("TICKET Target a is down")
    assert lines[at : at + 4] == [
        "TICKET Target a is down",
        "  fault: target a; id target-down/a",
        "PAGE Service s is down",
        "  quiet since 2027-01-15 08:00:00 UTC; fault: cloud x; id service-down/s",
    ]
    assert "Service s is down quiet since 2027-01-15 08:00:00 UTC; fault: cloud x" in html.text


def test_what_an_endpoint_says_is_shown_as_text() -> None:
    """Neither a browser nor a terminal obeys it."""
    made = board()
    tell(made, outcome=Outcome.SERVER_ERROR, error=HOSTILE, fault=Fault.NOT_OURS)
    html, text = both(made)
    html.assert_plain_and_accessible()
    assert '<script>alert("x")</script> [2J "quoted" & more' in html.text
    assert "\x1b" not in text
    assert sum("<script>" in line for line in text.splitlines()) == 1


def test_a_simulation_is_said_plainly() -> None:
    for shown in both(board(simulated=True)):
        said = shown.text if isinstance(shown, Read) else shown
        assert "SIMULATED: all targets are simulated clouds" in said
    some = Board("1")
    some.plan(page_plan(info("a", simulated=True), info("b")))
    assert "SIMULATED: 1 of 2 targets are" in both(some)[1]
    assert "SIMULATED" not in both(board())[1]


def test_the_page_says_when_its_numbers_were_made_and_that_the_database_is_away() -> None:
    made = board()
    made.show((pages.status(),))
    made.database(up=False, at_ns=START_NS)
    html, text = both(made)
    for said in (html.text, text):
        assert "2027-01-15 08:00:10 UTC, version 1.2.3, plan abcd" in said
        assert "Database away since 2027-01-15 08:00:00 UTC. Objectives evaluated 10 s ago." in said
        assert "budgets of the last evaluation" in said
        assert "Our own error: not known yet." in said


def test_too_little_coverage_is_said() -> None:
    made = board()
    made.show((pages.status(state="unknown", coverage=0.4),))
    assert "99.954 % unknown: too little was judged" in both(made)[0].tables[0][1][3]


def test_several_first_tokens_name_their_probes() -> None:
    made = Board("1")
    made.plan(page_plan(probes=("cold", "warm")))
    tell(made, probe="cold", ttft_s=0.4)
    tell(made, probe="warm", ttft_s=0.1)
    html, text = both(made)
    assert html.tables[0][1][2] == "400 ms cold, median of 1 100 ms warm, median of 1"
    assert "400 ms, 100 ms" in text


def test_troubles_are_sentences_of_their_own() -> None:
    page = board().page(NOW_NS, ["the asker has given no sign of life yet"])
    assert "The asker has given no sign of life yet." in Read(status.html(page)).text


def test_without_a_plan_there_is_a_sentence() -> None:
    page = Board("1").page(NOW_NS)
    assert "No plan has been read yet" in Read(status.html(page)).text


def test_maintenance_is_marked_with_its_end_and_reason() -> None:
    made = board("openai", "vllm")
    until_ns = NOW_NS + 7200 * SECOND_NS
    made.upkeep(
        {"vllm": Upkept(until_ns=until_ns, reason=HOSTILE, author="ada")}, ["service nano is not judged"]
    )
    html, text = both(made)
    html.assert_plain_and_accessible()
    cells = {row[0].split()[0]: row[1] for row in html.tables[0][1:]}
    end = words.instant(until_ns, seconds=False)[11:]
    assert f"maintenance until {end} UTC: <script>" in cells["vllm"]
    assert "maintenance" not in cells["openai"]
    assert f"maintenance until {end} UTC: " in next(line for line in text.splitlines() if " vllm " in line)
    assert "Service nano is not judged." in html.text
    assert "! Service nano is not judged." in text
    made.upkeep({}, [])
    assert "maintenance" not in both(made)[1]
