"""What is asked of every promise, an objective's or a service's: that it can be measured, and is remembered that long."""

from collections.abc import Iterable

from agent.config.context import Context
from agent.config.findings import Path
from agent.config.schema import Keep
from agent.config.sections import File
from agent.slo.lint import Finding
from exporters.durations import write


def tell(context: Context, path: Path, findings: Iterable[Finding]) -> None:
    """Tell what is wrong with a promise at the interval of what keeps it."""
    for finding in findings:
        say = context.findings.error if finding.level == "error" else context.findings.warn
        say(path, finding.message)


def remembered(context: Context, path: Path, who: str, reach_s: float, file: File) -> None:
    """Tell of a window that reaches back behind what is kept: most of it would be missing for ever."""
    keep = file.settings.storage.keep if file.settings.storage else Keep()
    if reach_s > keep.results:
        context.findings.error(
            path,
            f"{who} looks back {write(reach_s)}, but results are kept for {write(keep.results)}; lengthen "
            "storage.keep.results, or shorten the window",
        )
