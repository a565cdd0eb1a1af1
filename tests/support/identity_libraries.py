"""Loads the vendors' libraries for identity, so that no test's limit of a token has to hold their import too."""

import importlib

for name in (
    "azure.identity",
    "azure.core.pipeline.transport",
    "botocore.session",
    "botocore.auth",
    "google.auth.transport.requests",
    "google.auth.compute_engine",
    "google.oauth2.service_account",
    "oci",
):
    importlib.import_module(name)
