"""Identities that vendors' libraries would look for in files, and that are seen not to be there; nothing is asked of anyone."""

import configparser
import json
import re
from collections.abc import Iterable
from pathlib import Path as File
from typing import Final

from agent.config.context import Context
from agent.config.durations import shown

_DEFAULT: Final = "default"
_ROLE: Final = re.compile(r"arn:[a-z-]+:(iam|sts):.*")

_AWS: Final = (("AWS_CONFIG_FILE", ".aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"))
_OCI_FILES: Final = ("OCI_CONFIG_FILE", "OCI_CLI_CONFIG_FILE")
_OCI_PROFILES: Final = ("OCI_CONFIG_PROFILE", "OCI_CLI_PROFILE")
_OCI_USUAL: Final = (".oci/config", ".oraclebmc/config")
_PRINCIPALS: Final = frozenset({"instance", "resource"})


def told(context: Context, kind: str, text: str) -> str | None:
    """Return what is seen to be missing of an identity, with what to do; None where nothing is, or none can be seen."""
    if kind not in _JUDGES or not context.known(text):
        return None
    return _JUDGES[kind](context, text.strip())


def _google(context: Context, text: str) -> str | None:
    del context
    if text == _DEFAULT:
        return None
    try:
        held = json.loads(File(text).read_bytes())
    except FileNotFoundError:
        return f"there is no file {text} here; write the path of a key, or google: default"
    except PermissionError:
        return f"{text} may not be read here; give the agent's user the right to"
    except (OSError, ValueError, RecursionError):
        held = None
    if isinstance(held, dict) and isinstance(held.get("type"), str):
        return None
    return f"{text} is no key of Google's, which is JSON with a `type`; make the file anew, or write google: default"


def _aws(context: Context, text: str) -> str | None:
    if _ROLE.fullmatch(text):
        return (
            "is the ARN of a role, and this wants a profile; write the role as role_arn of a profile in ~/.aws/config, "
            "and here that profile's name"
        )
    if text == _DEFAULT:
        return None
    files = [File(context.environ.get(name) or context.host.home / usual) for name, usual in _AWS]
    files = [_home(context, file) for file in files]
    profiles = _profiles(files)
    if profiles is None or text in {re.sub(r"^profile\s+", "", name).strip("\"' ") for name in profiles}:
        return None
    return f"neither {files[0]} nor {files[1]} has a profile {shown(text)} here; write one that is there, or aws: default"


def _oci(context: Context, text: str) -> str | None:
    if text in _PRINCIPALS:
        return None
    named = _first(context, _OCI_FILES)
    usual = [named] if named else [str(context.host.home / name) for name in _OCI_USUAL]
    files = [_home(context, File(name)) for name in usual]
    found = next((file for file in files if _there(file)), None)
    if found is None:
        return f"there is no file {files[0]} here; run `oci setup config`, or write oci: instance on a machine of Oracle's"
    profile = text.removeprefix("session:")
    if profile == _DEFAULT:
        profile = _first(context, _OCI_PROFILES) or "DEFAULT"
    profiles = _profiles([found])
    if profiles is None or profile in profiles:
        return None
    return f"{found} has no profile {shown(profile)}; write one that it has"


_JUDGES: Final = {"google": _google, "aws": _aws, "oci": _oci}


def _first(context: Context, names: Iterable[str]) -> str | None:
    return next((context.environ[name] for name in names if context.environ.get(name)), None)


def _home(context: Context, file: File) -> File:
    return context.host.home / file.relative_to("~") if file.parts[:1] == ("~",) else file


def _there(file: File) -> bool:
    try:
        return file.exists()
    except OSError:  # a folder that may not be looked into
        return True


def _profiles(files: Iterable[File]) -> set[str] | None:
    """Return the sections of some files, of which not all need be there; None where one cannot be read."""
    found: set[str] = set()
    for file in files:
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True, default_section="\0")
        try:
            parser.read_string(file.read_text("utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, configparser.Error):
            return None
        found.update(parser.sections())
    return found
