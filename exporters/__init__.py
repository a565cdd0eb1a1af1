"""Exporters tell: metrics, traces, rules, reports and notifications."""
