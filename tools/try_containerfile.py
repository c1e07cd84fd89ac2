"""Run the steps of deploy/container/Containerfile one by one in a clean Debian, where no container engine is at hand.

    sudo python tools/try_containerfile.py --root FOLDER [--keep]

Makes the clean Debian with debootstrap, then does what FROM, RUN, COPY, ENV and USER say, in a chroot. Afterwards it
starts the image's own command and asks it for a face. Needs root, debootstrap and the network; settings of pip in the
environment are passed on. No container engine was used: layers, namespaces and limits are not tried by this.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
PORT = 8765
_MOUNTS = {"proc": "proc", "sys": "sysfs", "dev/shm": "tmpfs"}


def main() -> None:
    """Build, start, ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder for the clean Debian")
    parser.add_argument("--keep", action="store_true", help="leave it there")
    chosen = parser.parse_args()
    image = Image(chosen.root)
    try:
        for name, text in instructions(ROOT / "deploy/container/Containerfile"):
            print(f"{name} {text}", flush=True)
            begun = time.monotonic()
            image.do(name, text)
            print(f"    {time.monotonic() - begun:.1f} s", flush=True)
        image.try_it()
    finally:
        image.unmount()
        if not chosen.keep and not any((chosen.root / name).is_mount() for name in _MOUNTS):
            shutil.rmtree(chosen.root)


def instructions(path: Path) -> Iterator[tuple[str, str]]:
    """Read the instructions, each of one line."""
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, text = line.partition(" ")
            yield name, text


class Image:
    """What has been built so far."""

    def __init__(self, root: Path) -> None:
        """Begin with nothing."""
        self.root = root
        self.user = "root"
        self.environment = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        self.environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self.entry: list[str] = []
        self.arguments: list[str] = []

    def do(self, name: str, text: str) -> None:
        """Follow an instruction."""
        match name:
            case "FROM":
                self._debootstrap(text)
            case "RUN":
                self._run(["sh", "-c", text])
            case "COPY":
                *sources, target = shlex.split(text)
                for source in sources:
                    self._copy(ROOT / source, self.root / target.lstrip("/"), into=target.endswith("/"))
            case "ENV":
                self.environment |= dict(part.split("=", 1) for part in shlex.split(text))
            case "USER":
                self.user = text
            case "EXPOSE":
                pass
            case "ENTRYPOINT":
                self.entry = json.loads(text)
            case "CMD":
                self.arguments = json.loads(text)
            case _:
                sys.exit(f"this tool does not know {name}")

    def try_it(self) -> None:
        """Start the image's command on another port, read-only but for its own folder, and ask for a face."""
        arguments = [str(PORT) if each == "8000" else each for each in self.arguments]
        server = subprocess.Popen(self._command([*self.entry, *arguments]), env=self.environment)
        try:
            begun = time.monotonic()
            while not _is_ready():
                if server.poll() is not None or time.monotonic() > begun + 120:
                    sys.exit("the server did not become ready")
                time.sleep(0.1)
            print(f"ready after {time.monotonic() - begun:.1f} s")
            with urlopen(f"http://127.0.0.1:{PORT}/face/42.jpeg", timeout=60) as answer:
                print(f"a face of {len(answer.read())} bytes, {answer.headers['Content-Type']}")
        finally:
            server.terminate()
            print(f"stopped with code {server.wait(60)}", flush=True)

    def unmount(self) -> None:
        """Take away what a running container has of the machine."""
        for name in _MOUNTS:
            subprocess.run(["umount", "--quiet", str(self.root / name)], check=False)

    def _debootstrap(self, image: str) -> None:
        suite = image.rpartition(":")[2].removesuffix("-slim")
        subprocess.run(
            ["debootstrap", "--variant=minbase", suite, str(self.root)], check=True, stdout=subprocess.DEVNULL
        )
        # A container engine sees to these. Without /proc and /sys, OpenVINO does not find out what the processor is.
        for path in ("/etc/resolv.conf", "/etc/hosts"):
            shutil.copy(path, self.root / path.lstrip("/"))
        for name, kind in _MOUNTS.items():
            (self.root / name).mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "-t", kind, kind, str(self.root / name)], check=True)
        if authorities := self.environment.get("PIP_CERT"):  # a network with an authority of its own
            shutil.copy(authorities, self.root / "authorities.crt")
            self.environment["PIP_CERT"] = "/authorities.crt"

    def _copy(self, source: Path, target: Path, *, into: bool) -> None:
        target = target / source.name if into else target
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)

    def _run(self, command: list[str]) -> None:
        subprocess.run(self._command(command), check=True, env=self.environment)

    def _command(self, command: list[str]) -> list[str]:
        return ["chroot", f"--userspec={self.user}", str(self.root), *command]


def _is_ready() -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=5):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    main()
