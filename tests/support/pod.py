"""A rendered pod on this machine: its volumes as folders under one root, its command as a process, its probes asked."""

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

import httpx

from support.chart import Manifest, one
from support.daemon import COMMAND

Contents = Mapping[tuple[str, str], Mapping[str, str]]
"""(kind, name) -> keys: the Secrets and ConfigMaps that the user brings."""


class Pod:
    """The first container of a pod's spec; every mount path stands for the same path under `root`.

    Paths are rewritten where the pod says them: in arguments, variables and the files of its ConfigMaps.
    """

    def __init__(self, root: Path, spec: Manifest, rendered: Sequence[Manifest], brought: Contents) -> None:
        self.spec = spec
        self._root = root
        (self._container,) = spec["containers"]
        self._rendered = rendered
        self._brought = brought
        self._mounts = {mount["name"]: mount["mountPath"] for mount in self._container["volumeMounts"]}
        paths = {PurePosixPath(path) for path in self._mounts.values()}
        # A folder of mounts is named too (secrets.dir), but not one that the image fills as well, such as /etc.
        paths |= {path.parent for path in paths if len(path.parent.parts) > 3}
        self._paths = re.compile("|".join(re.escape(str(path)) for path in sorted(paths, reverse=True)))
        for volume in spec["volumes"]:
            self._lay_out(volume)
        for claim in {*self._mounts} - {volume["name"] for volume in spec["volumes"]}:
            self.at(self._mounts[claim]).mkdir(parents=True, exist_ok=True)

    def at(self, path: str) -> Path:
        """Return where a path of the pod lies here."""
        return self._root / path.lstrip("/")

    def here(self, text: str) -> str:
        return self._paths.sub(lambda found: str(self.at(found[0])), text)

    def command(self) -> list[str]:
        words: list[str] = [*self._container["command"], *self._container["args"]]
        assert words[0] == "nephoscope"
        return [*COMMAND, *map(self.here, words[1:])]

    def env(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return the pod's own variables and, of ours, only what finds Python and its modules."""
        kept = {key: base[key] for key in ("PATH", "PYTHONPATH") if key in base}
        own = {each["name"]: self.here(each["value"]) for each in self._container["env"]}
        return kept | {"TMPDIR": str(self.at("/tmp"))} | own

    def start(self, base: Mapping[str, str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self.command(), env=self.env(base), cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )

    def probe(self, name: str) -> httpx.Response:
        """Ask as the kubelet would: by the probe's own path, port and patience."""
        probe = self._container[name]
        ports = {port["name"]: port["containerPort"] for port in self._container["ports"]}
        asked = probe["httpGet"]
        return httpx.get(
            f"http://127.0.0.1:{ports[asked['port']]}{asked['path']}", timeout=probe["timeoutSeconds"]
        )

    def _lay_out(self, volume: Manifest) -> None:
        folder = self.at(self._mounts[volume["name"]])
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self._files(volume):
            # As the kubelet does it, so that all files of a volume change at once: key -> ..data -> ..1.
            file = folder / "..1" / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(content)
            file.chmod(0o440)
            if not (folder / "..data").is_symlink():
                (folder / "..data").symlink_to("..1")
            if not (folder / name).is_symlink():
                (folder / name).symlink_to(f"..data/{name}")

    def _files(self, volume: Manifest) -> Iterator[tuple[str, str]]:
        if "configMap" in volume:
            found = one(self._rendered, "ConfigMap", volume["configMap"]["name"])
            yield from ((name, self.here(text)) for name, text in found["data"].items())
        for source in volume.get("projected", {}).get("sources", ()):
            ((kind, asked),) = source.items()
            keys = self._brought[{"secret": "Secret", "configMap": "ConfigMap"}[kind], asked["name"]]
            items = asked.get("items") or [{"key": key, "path": key} for key in keys]
            yield from ((item["path"], keys[item["key"]]) for item in items)
