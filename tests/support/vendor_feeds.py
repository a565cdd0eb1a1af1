"""Status feeds of every kind, made up in the shape that vendors publish."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

STATUSPAGE: dict[str, Any] = {
    "page": {"id": "p1", "name": "Example AI", "url": "https://status.example.com", "updated_at": "2026-11-28T12:06:00.000Z"},
    "status": {"indicator": "major", "description": "Partial System Outage"},
    "components": [
        {"id": "c1", "name": "Chat", "status": "major_outage", "updated_at": "2026-11-28T12:04:00.000Z", "group": False},
        {"id": "c2", "name": "Batch", "status": "degraded_performance", "updated_at": "2026-11-28T11:00:00.000Z"},
        {"id": "c3", "name": "Images", "status": "operational", "updated_at": "2026-10-01T00:00:00.000Z"},
        {"id": "c4", "name": "Fine-tuning", "status": "under_maintenance", "updated_at": "2026-11-28T10:00:00.000Z"},
    ],
    "incidents": [
        {
            "id": "i1",
            "name": "Elevated error rates <b>in chat</b>",
            "status": "investigating",
            "impact": "major",
            "created_at": "2026-11-28T12:03:00.000Z",
            "started_at": "2026-11-28T12:01:00.000Z",
            "updated_at": "2026-11-28T12:05:00.000Z",
            "resolved_at": None,
            "shortlink": "https://stspg.io/i1",
            "components": [{"id": "c1", "name": "Chat"}],
            "incident_updates": [
                {"status": "investigating", "body": "We are looking.", "affected_components": [{"code": "c1", "name": "Chat"}]},
                {"status": "investigating", "body": "We are looking.", "affected_components": None},
            ],
        },
        {
            "id": "i0",
            "name": "Slow answers",
            "status": "postmortem",
            "created_at": "2026-11-20T08:00:00.000Z",
            "updated_at": "2026-11-21T08:00:00.000Z",
            "resolved_at": "2026-11-20T09:00:00.000Z",
            "components": [],
        },
    ],
    "scheduled_maintenances": [
        {
            "id": "m1",
            "name": "New storage for files",
            "status": "in_progress",
            "created_at": "2026-11-20T00:00:00.000Z",
            "updated_at": "2026-11-28T10:00:00.000Z",
            "scheduled_for": "2026-11-28T10:00:00.000Z",
            "scheduled_until": "2026-11-28T14:00:00.000Z",
            "components": [{"name": "Fine-tuning"}],
        },
        {"id": "m2", "name": "Later", "status": "scheduled", "created_at": "2026-11-20T00:00:00.000Z"},
    ],
}  # fmt: skip

GOOGLE: list[dict[str, Any]] = [
    {
        "id": "g1",
        "number": "123",
        "begin": "2026-11-28T12:00:00+00:00",
        "created": "2026-11-28T12:20:00+00:00",
        "end": None,
        "modified": "2026-11-28T12:40:00+00:00",
        "external_desc": "Vertex AI: requests to Gemini fail in us-central1",
        "updates": [{"created": "2026-11-28T12:20:00+00:00", "text": "...", "status": "SERVICE_OUTAGE"}],
        "status_impact": "SERVICE_OUTAGE",
        "severity": "high",
        "service_key": "k",
        "service_name": "Multiple Products",
        "affected_products": [{"title": "Vertex Gemini API", "id": "z"}, {"title": "Vertex AI Online Prediction"}],
        "uri": "incidents/g1",
        "currently_affected_locations": [{"title": "Iowa (us-central1)", "id": "us-central1"}],
        "previously_affected_locations": [],
    },
    {
        "id": "g0",
        "begin": "2026-11-01T00:00:00+00:00",
        "created": "2026-11-01T00:30:00+00:00",
        "end": "2026-11-01T02:00:00+00:00",
        "modified": "2026-11-02T00:00:00+00:00",
        "external_desc": "BigQuery was slow",
        "service_name": "Google BigQuery",
        "uri": "incidents/g0",
        "currently_affected_locations": [],
        "previously_affected_locations": [{"title": "Multi-region: eu", "id": "eu"}],
    },
]  # fmt: skip

AWS = b"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0">
  <channel>
    <title><![CDATA[Amazon Web Services Service Status]]></title>
    <link>https://status.aws.amazon.com/</link>
    <language>en-us</language>
    <item>
      <title><![CDATA[Service impact: Increased Error Rates]]></title>
      <link>https://status.aws.amazon.com/</link>
      <pubDate>Sat, 28 Nov 2026 04:45:00 PST</pubDate>
      <guid isPermaLink="false">https://status.aws.amazon.com/#bedrock-us-east-1_1795869900</guid>
      <description><![CDATA[We continue to work on InvokeModel in US-EAST-1.]]></description>
    </item>
    <item>
      <title><![CDATA[Informational message: Increased Error Rates]]></title>
      <link>https://status.aws.amazon.com/</link>
      <pubDate>Sat, 28 Nov 2026 04:15:00 PST</pubDate>
      <guid isPermaLink="false">https://status.aws.amazon.com/#bedrock-us-east-1_1795868100</guid>
      <description><![CDATA[We are investigating increased error rates for InvokeModel.]]></description>
    </item>
    <item>
      <title><![CDATA[Service is operating normally: [RESOLVED] Increased Latencies]]></title>
      <link>https://status.aws.amazon.com/</link>
      <pubDate>Fri, 27 Nov 2026 02:00:00 PST</pubDate>
      <guid isPermaLink="false">https://status.aws.amazon.com/#bedrock-us-east-1_1795773600</guid>
      <description><![CDATA[Between 1:00 AM and 1:40 AM PST we had increased latencies.]]></description>
    </item>
    <item>
      <title><![CDATA[Service impact: Increased Latencies]]></title>
      <link>https://status.aws.amazon.com/</link>
      <pubDate>Fri, 27 Nov 2026 01:10:00 PST</pubDate>
      <guid isPermaLink="false">https://status.aws.amazon.com/#bedrock-us-east-1_1795770600</guid>
      <description><![CDATA[We are investigating.]]></description>
    </item>
  </channel>
</rss>
"""

AZURE = b"""<?xml version="1.0" encoding="utf-8"?>
<rss xmlns:a10="http://www.w3.org/2005/Atom" version="2.0">
  <channel>
    <title>Azure Status</title>
    <link>https://azure.status.microsoft/en-us/status/</link>
    <description>Azure Status</description>
    <item>
      <guid isPermaLink="false">ABC1-XYZ</guid>
      <link>https://azure.status.microsoft/en-us/status/</link>
      <category>Azure OpenAI Service</category>
      <category>Sweden Central</category>
      <title>Azure OpenAI - Sweden Central - Investigating</title>
      <description>&lt;p&gt;Starting at 11:50 UTC, customers may see failures.&lt;/p&gt;</description>
      <pubDate>Sat, 28 Nov 2026 12:10:00 Z</pubDate>
      <a10:updated>2026-11-28T12:30:00Z</a10:updated>
    </item>
  </channel>
</rss>
"""

ATOM = b"""<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <title>Example - Incident History</title>
  <entry>
    <id>tag:status.example.com,2005:Incident/7</id>
    <published>2026-11-28T12:02:00Z</published>
    <updated>2026-11-28T12:50:00Z</updated>
    <link rel="alternate" type="text/html" href="https://status.example.com/incidents/7"/>
    <title>Errors with chat</title>
    <content type="html">&lt;p&gt;&lt;small&gt;Nov &lt;var data-var='date'&gt;28&lt;/var&gt;, &lt;var&gt;12:50&lt;/var&gt; UTC&lt;/small&gt;&lt;br&gt;&lt;strong&gt;Resolved&lt;/strong&gt; - It is over.&lt;/p&gt;</content>
  </entry>
</feed>
"""

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<rss><channel><item><title>&c;</title></item></channel></rss>
"""

FILES = b'<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><title>&x;</title></channel></rss>'
HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><br></body></html>"


def statuspage(**changes: Any) -> bytes:
    return json.dumps(STATUSPAGE | changes).encode()


def google() -> bytes:
    return json.dumps(GOOGLE).encode()


@contextlib.contextmanager
def published(body: bytes) -> Iterator[str]:
    """Serve one feed on loopback, and yield its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/v2/summary.json"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
