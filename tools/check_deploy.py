"""Check what can be checked of deploy/ without the systems it is for: `python tools/check_deploy.py`.

nginx reads its configuration (nginx -t), systemd its units (systemd-analyze verify and security), and schemas say
whether Compose file and Kubernetes manifests are well-formed (check-jsonschema, kubernetes-validate). What is not
installed is named and left out.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DEPLOY = Path(__file__).parents[1] / "deploy"
KUBERNETES = "1.34.0"


def main() -> None:
    """Run all checks; leave with 1 if one fails."""
    with tempfile.TemporaryDirectory() as folder:
        results = [*_nginx(Path(folder)), *_systemd(Path(folder)), *_schemas()]
    for name, result in results:
        print(f"{name}: {result}")
    sys.exit(any(result.startswith("failed") for _, result in results))


def _nginx(folder: Path) -> list[tuple[str, str]]:
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if binary is None:
        return [("nginx", "not checked, it is not installed")]
    site = (DEPLOY / "nginx/nobodies.conf").read_text()
    site = site.replace("/etc/nginx/nobodies.servers", str(DEPLOY / "nginx/nobodies.servers"))
    (folder / "site.conf").write_text(site.replace("/var/cache/nginx", str(folder)))
    main = f"pid {folder}/pid; events {{ }} http {{ include {folder}/site.conf; }}"
    (folder / "nginx.conf").write_text(main)
    command = [binary, "-t", "-p", str(folder), "-e", f"{folder}/log", "-c", f"{folder}/nginx.conf"]
    return [("nginx.conf", _said(command))]


def _systemd(folder: Path) -> list[tuple[str, str]]:
    if shutil.which("systemd-analyze") is None:
        return [("systemd", "not checked, systemd-analyze is not installed")]
    units = folder / "units"
    units.mkdir()
    (units / "nobodies.target").write_text((DEPLOY / "systemd/nobodies.target").read_text())
    # The program is looked for where it will be installed; `true` stands in for it here.
    service = (DEPLOY / "systemd/nobodies@.service").read_text().replace("/opt/nobodies/bin/nobodies", "/bin/true")
    (units / "nobodies@.service").write_text(service)
    unit = str(units / "nobodies@8001.service")
    shutil.copy(units / "nobodies@.service", unit)
    verify = ["systemd-analyze", "verify", "--man=no", unit, str(units / "nobodies.target")]
    security = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    exposure = security.stdout.strip().splitlines()[-1:] or [security.stderr.strip()]
    return [("systemd units", _said(verify)), ("systemd-analyze security", exposure[0].strip("→ "))]


def _schemas() -> list[tuple[str, str]]:
    compose = ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "container/compose.yaml")]
    results = [("compose.yaml", _said(_own(compose)))]
    for manifest in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        if manifest.name != "kustomization.yaml":
            command = _own(["kubernetes-validate", "--strict", "--kubernetes-version", KUBERNETES, str(manifest)])
            results.append((manifest.name, _said(command)))
    return results


def _own(command: list[str]) -> list[str]:
    """Take a program of this Python's environment."""
    own = Path(sys.executable).with_name(command[0])
    return [str(own), *command[1:]] if own.exists() else command


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return f"not checked, {Path(command[0]).name} is not installed"
    said = " ".join((done.stdout + done.stderr).split())
    return f"fine ({said[-120:]})" if done.returncode == 0 else f"failed: {said}"


if __name__ == "__main__":
    main()
