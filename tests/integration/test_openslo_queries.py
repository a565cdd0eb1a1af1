"""The queries of exported SLOs before Prometheus's own parser."""

import json
from pathlib import Path

from agent.slo_exchange import specs
from exporters import openslo
from support.configuration import LOCAL, loaded
from support.prometheus import needs_prometheus, promtool

OTHER = "{name: Far_1.x, provider: vllm, model: tiny, endpoint: http://127.0.0.1:8001}"


@needs_prometheus
def test_prometheus_takes_every_query(tmp_path: Path) -> None:
    """Those of one SLO, and those over a service's members, whose names are matched as they are written."""
    documents = openslo.documents(specs(loaded(f"targets: [{LOCAL}, {OTHER}]").config))
    queries = [
        ratio[part]["metricSource"]["spec"]["query"]
        for document in documents
        if document["kind"] == "SLO"
        for ratio in [document["spec"]["indicator"]["spec"]["ratioMetric"]]
        for part in ("good", "total")
    ]
    rules = [{"record": f"query:{nth}", "expr": query} for nth, query in enumerate(queries)]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    assert len(queries) == 10
    assert f"SUCCESS: {len(queries)} rules found" in promtool("check", "rules", "rules.yaml", cwd=tmp_path)
