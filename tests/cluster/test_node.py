"""The stand-in kubelet gives a pod what its spec asks for, and tells the API what became of it."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from irsa.errors import KubeError
from irsa.kube.client import Kube
from irsa.kube.objects import Object, Ref

from .pods import (
    IMAGE,
    condition,
    ended,
    is_ready,
    main_state,
    message,
    namespace,
    phase,
    pod,
)
from .rigs import Rig
from .waiting import until

pytestmark = pytest.mark.cluster

LOG = "/dev/termination-log"


@pytest.fixture(scope="module")
def kube(rig: Rig) -> Kube:
    return rig.kube


@pytest.fixture(scope="module")
def place(kube: Kube) -> Iterator[str]:
    with namespace(kube) as name:
        yield name


def secret(place: str, name: str, **values: str) -> Object:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in values.items()}
    metadata = {"name": name, "namespace": place}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def config(place: str, name: str, **values: str) -> Object:
    metadata = {"name": name, "namespace": place}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": values}


def test_variables_are_those_of_the_spec(kube: Kube, place: str) -> None:
    """Values, references and expansion come as written; nothing else comes but the image's own."""
    kube.create(secret(place, "keys", TOP="secret"))
    kube.create(config(place, "settings", COLOUR="red"))
    env = [
        {"name": "ONE", "value": "1"},
        {"name": "TWO", "value": "$(ONE)+$(ONE) $(NONE) $$(ONE)"},
        {"name": "WHERE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "TOP"}}},
    ]
    source = [{"configMapRef": {"name": "settings"}}]
    text = message(kube, pod(place, f"env > {LOG}", env=env, envFrom=source))
    values = dict(line.split("=", 1) for line in text.splitlines())
    wanted = {"ONE": "1", "TWO": "1+1 $(NONE) $(ONE)", "WHERE": place, "KEY": "secret"}
    assert values.items() >= (wanted | {"COLOUR": "red"}).items()
    given = {"PATH", "HOME", "HOSTNAME", "PWD", "KUBERNETES_SERVICE_HOST"}
    given |= {"KUBERNETES_SERVICE_PORT", "KUBERNETES_SERVICE_PORT_HTTPS"}
    assert values.keys() == given | wanted.keys() | {"COLOUR"}


def test_projected_token_is_bound_to_the_pod(kube: Kube, place: str) -> None:
    """The token lies where the pod looks for it, with the audience and life it asked for."""
    token = {"audience": "sts.amazonaws.com", "expirationSeconds": 7200, "path": "token"}
    volume = {"name": "aws", "projected": {"sources": [{"serviceAccountToken": token}]}}
    path = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
    mounts = [{"name": "aws", "mountPath": path, "readOnly": True}]
    obj = pod(place, f"cat {path}/token > {LOG}", volumes=[volume], volumeMounts=mounts)
    claims = jwt.decode(message(kube, obj), options={"verify_signature": False})
    assert claims["aud"] == ["sts.amazonaws.com"]
    assert claims["exp"] - claims["iat"] == 7200
    assert claims["kubernetes.io"]["pod"]["name"] == obj["metadata"]["name"]


def test_mounts_do_not_hide_the_programs(kube: Kube, place: str) -> None:
    """A volume over a directory that the programs live in leaves them usable."""
    volumes = [{"name": "work", "emptyDir": {}}]
    mounts = [{"name": "work", "mountPath": path} for path in ("/tmp", "/data/of/pod")]
    script = f"touch /tmp/a; aws --version > /dev/null && ls /data/of/pod/a > {LOG}"
    obj = pod(place, script, volumes=volumes, volumeMounts=mounts)
    assert message(kube, obj) == "/data/of/pod/a\n"


def test_read_only_mounts_refuse_writes(kube: Kube, place: str) -> None:
    """A mount that is read-only cannot be written to."""
    volumes = [{"name": "work", "emptyDir": {}}]
    mounts = [{"name": "work", "mountPath": "/data", "readOnly": True}]
    obj = pod(place, "touch /data/a", volumes=volumes, volumeMounts=mounts)
    assert ended(kube, kube.create(obj))["exitCode"] == 1


def test_init_containers_come_first(kube: Kube, place: str) -> None:
    """What an init container leaves in a volume is there for the others."""
    mounts = [{"name": "work", "mountPath": "/scratch"}]
    first = {"name": "first", "image": IMAGE, "command": ["sh", "-c", "echo early > /scratch/x"]}
    obj = pod(
        place,
        f"cat /scratch/x > {LOG}",
        volumes=[{"name": "work", "emptyDir": {}}],
        volumeMounts=mounts,
        initContainers=[first | {"volumeMounts": mounts}],
    )
    assert message(kube, obj) == "early\n"


def test_failed_init_container_fails_the_pod(kube: Kube, place: str) -> None:
    """Nothing else runs after an init container that failed for good."""
    first = {"name": "first", "image": IMAGE, "command": ["sh", "-c", "exit 4"]}
    obj = kube.create(pod(place, "true", initContainers=[first]))
    until(lambda: phase(kube, obj) == "Failed")
    assert "waiting" in main_state(kube, obj)


def test_last_lines_of_the_log_are_the_message(kube: Kube, place: str) -> None:
    """FallbackToLogsOnError: a failed container without a message shows its log."""
    obj = pod(place, "echo why; exit 5", terminationMessagePolicy="FallbackToLogsOnError")
    state = ended(kube, kube.create(obj))
    assert (state["exitCode"], state["reason"], state["message"]) == (5, "Error", "why\n")


def test_missing_secret_is_waited_for(kube: Kube, place: str) -> None:
    """A pod stays in ContainerCreating until its Secret is there, then runs at once."""
    volumes = [{"name": "late", "secret": {"secretName": "late"}}]
    mounts = [{"name": "late", "mountPath": "/late"}]
    script = f"cat /late/word > {LOG}"
    obj = kube.create(pod(place, script, volumes=volumes, volumeMounts=mounts))
    waiting = until(lambda: main_state(kube, obj).get("waiting", {}).get("message") and obj)
    assert main_state(kube, waiting)["waiting"]["reason"] == "ContainerCreating"
    kube.create(secret(place, "late", word="here"))
    assert ended(kube, obj)["message"] == "here"


def test_changed_secret_reaches_the_running_pod(kube: Kube, place: str) -> None:
    """A new value replaces the file under the running container."""
    first = kube.create(secret(place, "turning", word="old"))
    volumes = [{"name": "turning", "secret": {"secretName": "turning"}}]
    mounts = [{"name": "turning", "mountPath": "/turning"}]
    script = f"until grep -q new /turning/word; do sleep 0.05; done; cat /turning/word > {LOG}"
    obj = kube.create(pod(place, script, volumes=volumes, volumeMounts=mounts))
    until(lambda: "running" in main_state(kube, obj))
    kube.patch(Ref.of(first), {"stringData": {"word": "new"}})
    assert ended(kube, obj)["message"] == "new"


def test_unknown_image_is_said(kube: Kube, place: str) -> None:
    """An image that there is not stays a waiting container, whose message says what there is."""
    obj = pod(place, "true")
    obj["spec"]["containers"][0]["image"] = "nginx:1.29"
    kube.create(obj)
    state = until(lambda: main_state(kube, obj).get("waiting", {}).get("message") and obj)
    waiting = main_state(kube, state)["waiting"]
    assert waiting["reason"] == "ErrImagePull"
    assert "nginx:1.29" in waiting["message"]


def test_host_path_is_refused(kube: Kube, place: str) -> None:
    """Ordinary pods get none of this machine's directories."""
    volumes = [{"name": "etc", "hostPath": {"path": "/etc"}}]
    obj = kube.create(pod(place, "true", volumes=volumes))
    until(lambda: "hostPath" in main_state(kube, obj).get("waiting", {}).get("message", ""))


def test_job_completes(kube: Kube, place: str) -> None:
    """A Job that fails once is tried again, and completes."""
    script = 'test -n "$(ls /scratch)" || { touch /scratch/x; exit 1; }'
    template = pod(place, script, volumes=[{"name": "work", "emptyDir": {}}])["spec"]
    template["restartPolicy"] = "OnFailure"
    template["containers"][0]["volumeMounts"] = [{"name": "work", "mountPath": "/scratch"}]
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "twice", "namespace": place},
        "spec": {"backoffLimit": 3, "template": {"spec": template}},
    }
    kube.create(job)
    until(lambda: condition(kube.get(Ref.of(job)) or {}, "Complete"))


def deployment(place: str, script: str, **container: Any) -> Object:
    labels = {"app": "served"}
    spec = pod(place, script)["spec"] | {"restartPolicy": "Always"}
    spec["containers"][0] |= container
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "served", "namespace": place},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def rolled_out(kube: Kube, obj: Object, generation: int) -> bool:
    status = (kube.get(Ref.of(obj)) or {}).get("status") or {}
    return (
        status.get("observedGeneration", 0) >= generation
        and status.get("updatedReplicas") == status.get("availableReplicas") == 2
        and status.get("replicas") == 2
    )


def test_deployment_rolls_out(kube: Kube, place: str) -> None:
    """Ready pods replace each other, and their endpoints become known to the Service."""
    obj = kube.create(deployment(place, "exec sleep 1000"))
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "served", "namespace": place},
        "spec": {"selector": {"app": "served"}, "ports": [{"port": 443, "targetPort": 9443}]},
    }
    kube.create(service)
    until(lambda: rolled_out(kube, obj, 1))
    label = "kubernetes.io/service-name=served"
    api = "discovery.k8s.io/v1"

    def ready_endpoints() -> bool:
        slices = kube.list(api, "EndpointSlice", namespace=place, label_selector=label)
        endpoints = [each for part in slices for each in part.get("endpoints") or []]
        return any(each["conditions"]["ready"] for each in endpoints)

    until(ready_endpoints)
    template = {"metadata": {"annotations": {"version": "2"}}}
    kube.patch(Ref.of(obj), {"spec": {"template": template}})
    until(lambda: rolled_out(kube, obj, 2))
    kube.delete(Ref.of(obj), propagation="Foreground")
    until(lambda: not kube.list("v1", "Pod", namespace=place, label_selector="app=served"))


def test_readiness_follows_the_probe(kube: Kube, place: str) -> None:
    """A pod is ready when its probe passes, and no longer when it fails."""
    probe = {"exec": {"command": ["test", "-e", "/scratch/up"]}, "periodSeconds": 1}
    probe |= {"failureThreshold": 1}
    volumes = [{"name": "work", "emptyDir": {}}]
    mounts = [{"name": "work", "mountPath": "/scratch"}]
    seen = "until test -e /scratch/seen; do sleep 0.05; done"
    script = f"touch /scratch/up; {seen}; rm /scratch/up; sleep 99"
    other = {"name": "other", "image": IMAGE, "volumeMounts": mounts}
    other |= {"command": ["sh", "-c", "sleep 1; touch /scratch/seen; sleep 99"]}
    obj = pod(place, script, volumes=volumes, volumeMounts=mounts, readinessProbe=probe)
    obj["spec"]["containers"].append(other)
    kube.create(obj)
    until(lambda: is_ready(kube, obj))
    until(lambda: not is_ready(kube, obj))
    kube.delete(Ref.of(obj))


def test_dead_container_is_started_again(kube: Kube, place: str) -> None:
    """RestartPolicy Always: every end is followed by a start, and is counted."""
    obj = kube.create(pod(place, "exit 1", restartPolicy="Always"))

    def restarts() -> int:
        found = kube.get(Ref.of(obj)) or {}
        statuses = found["status"].get("containerStatuses") or [{}]
        return int(statuses[0].get("restartCount", 0))

    until(lambda: restarts() >= 2)
    kube.delete(Ref.of(obj))
    until(lambda: kube.get(Ref.of(obj)) is None)


def test_deleted_pod_ends_gracefully_with_all_its_processes(
    kube: Kube, place: str, rig: Rig
) -> None:
    """SIGTERM reaches the first process, and what it leaves behind ends with it."""
    mark = f"1000{len(place)}77"
    script = f"trap 'exit 0' TERM; sleep {mark} & sleep {mark} & wait"
    obj = kube.create(pod(place, script))
    until(lambda: len(sleepers(mark)) == 2)
    kube.delete(Ref.of(obj))
    until(lambda: kube.get(Ref.of(obj)) is None)
    assert not sleepers(mark)
    directory = Path(rig.status["apiServers"][0]["nodeDirectory"])
    until(lambda: not (directory / "var/lib/kubelet/pods" / obj["metadata"]["uid"]).exists())


def sleepers(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[:2] == [b"sleep", mark.encode()]:
                found.append(entry.name)
    return found


def test_static_pod_starts_anew_when_its_manifest_changes(make_rig: Callable[..., Rig]) -> None:
    """A changed manifest ends the old process, starts a new one, and renews the mirror pod."""
    rig = make_rig()
    server = rig.status["apiServers"][0]
    ref = Ref("v1", "Pod", f"kube-apiserver-{server['name']}", "kube-system")
    before = rig.kube.get(ref)
    assert before is not None
    manifest = Path(server["manifest"])
    manifest.write_text(manifest.read_text().replace("--secure-port", "--v=1\n    - --secure-port"))
    until(lambda: rig.status["apiServers"][0]["pid"] not in {None, server["pid"]})
    with pytest.raises(ProcessLookupError):
        os.kill(server["pid"], 0)
    pid = rig.status["apiServers"][0]["pid"]
    assert b"--v=1" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    wanted = "kubernetes.io/config.hash"

    def renewed() -> bool:
        try:
            after = rig.kube.get(ref)
        except KubeError:
            return False
        old = before["metadata"]["annotations"][wanted]
        return (
            after is not None
            and after["metadata"]["annotations"][wanted] != old
            and condition(after, "Ready")
        )

    until(renewed)


def test_pods_run_without_namespaces_too(make_rig: Callable[..., Rig]) -> None:
    """Where mounts cannot be shown at their paths, values that begin with one are rewritten."""
    rig = make_rig("--mounts", "rewritten")
    kube = rig.kube
    with namespace(kube) as place:
        token = {"audience": "sts.amazonaws.com", "path": "token"}
        volume = {"name": "aws", "projected": {"sources": [{"serviceAccountToken": token}]}}
        path = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
        obj = pod(
            place,
            'cat "$AWS_WEB_IDENTITY_TOKEN_FILE"; exit 1',
            volumes=[volume],
            volumeMounts=[{"name": "aws", "mountPath": path}],
            env=[{"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": f"{path}/token"}],
            terminationMessagePolicy="FallbackToLogsOnError",
        )
        claims = jwt.decode(message(kube, obj), options={"verify_signature": False})
        assert claims["aud"] == ["sts.amazonaws.com"]


def test_mirror_pod_shows_the_api_server(kube: Kube, rig: Rig) -> None:
    """The API server is found as on a kubeadm cluster: label, annotation, endpoint, flags."""
    found = kube.list(
        "v1", "Pod", namespace="kube-system", label_selector="component=kube-apiserver"
    )
    annotations = found[0]["metadata"]["annotations"]
    endpoint = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"
    assert f"https://{annotations[endpoint]}" == rig.status["apiServers"][0]["url"]
    assert annotations["kubernetes.io/config.source"] == "file"
    assert annotations["kubernetes.io/config.mirror"] == annotations["kubernetes.io/config.hash"]
    flags = found[0]["spec"]["containers"][0]["command"]
    assert not [flag for flag in flags if flag.startswith("--api-audiences")]
    assert json.dumps(flags).count("--service-account-issuer=") == 1
