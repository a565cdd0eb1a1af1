"""The configuration that the demo runs on: one target a simulated cloud, probed often enough to watch."""

import json
from pathlib import Path

from agent.demo.clouds import API_KEY
from agent.demo.vendors import CLOUDS, Cloud

NEAR = ("openai", "azure-*", "aws-*", "google-*", "mistral", "vllm", "ray", "nim")
"""Whose first token comes within a second as a rule; the others are far away, or slow."""


def configuration(folder: Path, clouds_port: int, witness_port: int, listen: str, every: str) -> str:
    """Return a file that a user could have written; `every` is how often each cloud is asked for a word."""
    targets = "\n".join(_target(cloud, clouds_port) for cloud in CLOUDS.values())
    return f"""# Written by `nephoscope demo`: simulated clouds on loopback.
vantage: demo
state_dir: {json.dumps(str(folder))}
export: {{listen: "{listen}"}}
alerts: {{page: {{warm_up: 0s}}}} # so that a new estate pages at once
services:
  - {{name: assist, members: [openai, azure-eastus2, aws-us-east-1, google-europe-west4], healthy_when: {{at_least: 3, of: cloud}}, objective: {{percent: 99}}}}
  - {{name: search, members: [mistral, deepseek, qwen], objective: {{percent: 99}}}}
  - {{name: in-house, members: [vllm, ray, nim], healthy_when: {{at_least: 1, of: target}}, objective: {{percent: 99}}}}
networks:
  internet: {{proxy: none, witnesses: [{{tcp: "127.0.0.1:{witness_port}"}}]}} # a neighbour of the clouds, gone when they all are
targets:
{targets}
probes:
  - {{name: chat, kind: chat, every: {every}, first_token: 4s, stall: 4s, timeout: 8s, expect: {{contains: pong}}}}
  - {{name: long, kind: chat, every: 30s, first_token: 4s, stall: 4s, timeout: 20s, max_tokens: 600, prompt: "Describe a cloud in 500 words"}}
  - {{name: models, kind: models, every: 30s, timeout: 5s}}
objectives:
  - {{name: available, sli: availability, percent: 99, window: 28d, probes: [chat, long]}}
  - {{name: quick, sli: ttft, percent: 95, window: 28d, under: 1s, probes: [chat], targets: [{", ".join(f'"{name}"' for name in NEAR)}]}}
  - {{name: quick-far, sli: ttft, percent: 95, window: 28d, under: 3s, probes: [chat], targets: [deepseek, qwen]}}
"""


def _target(cloud: Cloud, port: int) -> str:
    named = f"cloud: {cloud.cloud}, " if cloud.cloud else ""
    credentials = f", credentials: {{api_key: {API_KEY}}}" if cloud.keyed else ""
    return (
        f'  - {{name: {cloud.name}, provider: {cloud.provider}, {named}endpoint: "http://127.0.0.1:{port}/{cloud.name}", '
        f'model: "{cloud.model}", region: {cloud.region}, simulated: true{credentials}}}'
    )
