"""Files for containers and clusters: against the schemas of those who read them."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
DOCKERFILE = DOCKER / "Dockerfile"

pytestmark = pytest.mark.skipif(
    not DOCKER.is_dir(), reason="docker/ is not part of a source distribution"
)


def tool(name: str) -> str:
    """A program of the environment that runs the tests."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}: pip install -e '.[dev]'")
    return found


def passes(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DOCKER / name).read_text()))


def test_the_dockerfile_has_no_complaint_of_hadolint() -> None:
    passes(tool("hadolint"), str(DOCKERFILE))


def test_hadolint_would_complain() -> None:
    """That the check can fail: a Dockerfile with three mistakes."""
    bad = "FROM debian\nRUN cd /tmp && apt-get install curl\nMAINTAINER me\n"
    done = subprocess.run([tool("hadolint"), "-"], input=bad, capture_output=True, text=True)
    assert done.returncode == 1
    assert {"DL3003", "DL3006", "DL4000"} <= set(re.findall(r"DL\d+", done.stdout))


def test_what_the_dockerfile_copies_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    for line in DOCKERFILE.read_text().splitlines():
        if line.startswith("COPY"):
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                top = source.split("/")[0]
                kept = f"!{'/'.join(source.split('/')[:2])}"
                assert top not in ignored, source
                assert f"{top}/*" not in ignored or kept in ignored, source


def test_the_image_is_built_from_the_versions_that_are_tested() -> None:
    installs = re.findall(r"pip install (.*?)(?: \\|\n)", DOCKERFILE.read_text())
    assert len(installs) == 3
    assert all("-c constraints.txt" in words for words in installs)


def test_compose_is_what_its_schema_allows() -> None:
    schema = "vendor.compose-spec"
    passes(tool("check-jsonschema"), "--builtin-schema", schema, str(DOCKER / "compose.yaml"))


def test_compose_mounts_files_that_are_there_and_publishes_on_this_machine_only() -> None:
    [compose] = documents("compose.yaml")
    named = set(compose["volumes"])
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            is_there = source in named or (DOCKER / source).exists() or source == "../runs"
            assert is_there, (name, volume)
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), (name, port)
    optional = {name for name, service in compose["services"].items() if "profiles" in service}
    assert optional == {"prometheus", "grafana", "postgresql"}


@pytest.mark.parametrize(
    ("begun", "verb"), [(False, "nas search --space"), (True, "nas resume /")]
)
def test_compose_goes_on_with_a_search_that_has_begun(
    tmp_path: Path, begun: bool, verb: str
) -> None:
    [compose] = documents("compose.yaml")
    [script] = compose["services"]["search"]["command"]
    if begun:
        (tmp_path / "search.json").touch()
    for name in ("ray", "nas"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (tmp_path / name).chmod(0o755)
    words = script.replace("$$", "$").replace("/runs/search", str(tmp_path))
    done = subprocess.run(
        ["/bin/sh", "-c", words],
        env={"PATH": f"{tmp_path}:/bin", "NAS_STORAGE": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    started, *driven = done.stdout.splitlines()

    assert started.startswith("ray start")
    assert len(driven) == 1
    assert driven[0].startswith(verb)
    assert driven[0].count("--address head:6379") == 1


def test_grafana_finds_prometheus_and_the_board() -> None:
    [source] = documents("grafana/provisioning/datasources/prometheus.yaml")[0]["datasources"]
    [provider] = documents("grafana/provisioning/dashboards/nas.yaml")[0]["providers"]
    board = json.loads((DOCKER / "grafana" / "dashboards" / "nas.json").read_text())
    [compose] = documents("compose.yaml")
    mounts = compose["services"]["grafana"]["volumes"]

    assert any(mount.split(":")[1] == provider["options"]["path"] for mount in mounts)
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert variables["datasource"]["current"]["value"] == source["uid"]
    assert source["url"].split("//")[1].split(":")[0] in compose["services"]


def test_panels_of_the_board_do_not_overlap() -> None:
    board = json.loads((DOCKER / "grafana" / "dashboards" / "nas.json").read_text())
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + dx, place["y"] + dy)
            for dx in range(place["w"])
            for dy in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells), panel["title"]
        taken |= cells


# From the reference of KubeRay's resources, docs.ray.io, "KubeRay CRD API reference" (1.7).
RAY_JOB = {"entrypoint", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished", "backoffLimit"}
RAY_CLUSTER = {"rayVersion", "authOptions", "headGroupSpec", "workerGroupSpecs"}
HEAD = {"rayStartParams", "template"}
WORKERS = HEAD | {"groupName", "replicas", "minReplicas", "maxReplicas"}


def test_the_ray_job_has_the_fields_that_kuberay_knows() -> None:
    _, job = documents("rayjob.yaml")
    cluster = job["spec"].pop("rayClusterSpec")

    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert set(job["spec"]) == RAY_JOB
    assert set(cluster) == RAY_CLUSTER
    assert set(cluster["headGroupSpec"]) == HEAD
    assert all(set(group) == WORKERS for group in cluster["workerGroupSpecs"])
    pinned = re.search(r"^ray==(.*)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert cluster["rayVersion"] == pinned[1], "driver and cluster must have the same Ray"


@pytest.mark.filterwarnings("ignore")
def test_pods_and_volumes_are_what_kubernetes_allows() -> None:
    kubernetes = pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate")
    claim, job = documents("rayjob.yaml")
    cluster = job["spec"]["rayClusterSpec"]
    pods = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    version = kubernetes.latest_version()

    kubernetes.validate(claim, version, strict=True)
    for group in pods:
        metadata = {"name": "pod"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, **group["template"]}
        kubernetes.validate(pod, version, strict=True)
    pod["spec"]["contaners"] = []
    with pytest.raises(kubernetes.ValidationError):
        kubernetes.validate(pod, version, strict=True)


def test_ray_up_is_what_rays_own_schema_allows() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    spec = importlib.util.find_spec("ray.autoscaler")
    assert spec is not None and spec.origin is not None
    schema = json.loads((Path(spec.origin).parent / "ray-schema.json").read_text())
    [cluster] = documents("ray_up.yaml")

    jsonschema.validate(cluster, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(cluster | {"max_wokers": 3}, schema)


def test_one_version_of_ray_and_one_image_are_named_everywhere() -> None:
    [compose] = documents("compose.yaml")
    [cluster] = documents("ray_up.yaml")
    _, job = documents("rayjob.yaml")
    spec = job["spec"]["rayClusterSpec"]
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    images = [group["template"]["spec"]["containers"][0]["image"] for group in groups]

    assert {*images, cluster["docker"]["image"], compose["x-nas"]["image"]} == {"nas"}
