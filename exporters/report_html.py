"""The weekly report as one HTML file that needs nothing else: no script, no font, no picture."""

from exporters import report_sentences, report_tables, templating
from exporters.weeks import WeeklyReport


def render(report: WeeklyReport) -> str:
    template = templating.environment().get_template("report.html")
    return template.render(
        title=report_sentences.title(report),
        subtitle=report_sentences.subtitle(report),
        summary=list(report_sentences.summary(report)),
        remarks=list(report_sentences.remarks(report)),
        tables=list(report_tables.tables(report)),
    )
