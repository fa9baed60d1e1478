"""
What Kube promises, as a table of cases: run against the cluster in memory and against a real one.

Each case gets a Kube and the name of a namespace of its own.
"""

import pytest

from irsa.errors import KubeError
from irsa.kube.objects import Object, Ref


def config_map(namespace: str, name: str = "x", **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def service_account(namespace: str, name: str = "sa", **annotations: str) -> Object:
    metadata = {"name": name, "namespace": namespace, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def absent_object_is_none(kube, namespace):
    assert kube.get(Ref("v1", "ConfigMap", "x", namespace)) is None


def created_object_can_be_read(kube, namespace):
    created = kube.create(config_map(namespace, a="1"))
    assert kube.get(Ref.of(created)) == created
    assert created["metadata"]["uid"]


def create_twice_conflicts(kube, namespace):
    kube.create(config_map(namespace))
    assert_refused(409, "AlreadyExists", lambda: kube.create(config_map(namespace)))


def create_names_from_a_prefix(kube, namespace):
    obj = config_map(namespace)
    obj["metadata"] = {"generateName": "run-", "namespace": namespace}
    first, second = kube.create(obj), kube.create(obj)
    assert first["metadata"]["name"].startswith("run-")
    assert first["metadata"]["name"] != second["metadata"]["name"]


def create_in_a_missing_namespace_is_not_found(kube, namespace):
    missing = config_map(f"{namespace}-missing")
    assert_refused(404, "NotFound", lambda: kube.create(missing))


def apply_creates_then_changes(kube, namespace):
    uid = kube.apply(config_map(namespace, a="1"))["metadata"]["uid"]
    changed = kube.apply(config_map(namespace, a="2"))
    assert changed["data"] == {"a": "2"}
    assert changed["metadata"]["uid"] == uid


def apply_twice_changes_nothing(kube, namespace):
    first = kube.apply(config_map(namespace, a="1"))
    second = kube.apply(config_map(namespace, a="1"))
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


def apply_removes_what_is_no_longer_said(kube, namespace):
    kube.apply(config_map(namespace, a="1", b="2"))
    assert kube.apply(config_map(namespace, b="2"))["data"] == {"b": "2"}


def apply_keeps_the_fields_of_others(kube, namespace):
    kube.apply(config_map(namespace, theirs="1"), field_manager="other")
    assert kube.apply(config_map(namespace, ours="2"))["data"] == {"theirs": "1", "ours": "2"}


def apply_conflicts_over_the_field_of_another(kube, namespace):
    kube.apply(config_map(namespace, a="1"), field_manager="other")
    error = assert_refused(409, "Conflict", lambda: kube.apply(config_map(namespace, a="2")))
    assert ".data.a belongs to other" in error.message


def apply_of_the_same_value_shares_the_field(kube, namespace):
    kube.apply(config_map(namespace, a="1"), field_manager="other")
    assert kube.apply(config_map(namespace, a="1"))["data"] == {"a": "1"}
    assert kube.apply(config_map(namespace), field_manager="other")["data"] == {"a": "1"}


def forced_apply_takes_the_field_over(kube, namespace):
    kube.apply(config_map(namespace, a="1"), field_manager="other")
    assert kube.apply(config_map(namespace, a="2"), force=True)["data"] == {"a": "2"}
    theirs = config_map(namespace, a="3")
    assert_refused(409, "Conflict", lambda: kube.apply(theirs, field_manager="other"))


def dry_run_changes_nothing(kube, namespace):
    assert kube.apply(config_map(namespace, a="1"), dry_run=True)["data"] == {"a": "1"}
    assert kube.create(config_map(namespace, a="1"), dry_run=True)["data"] == {"a": "1"}
    assert kube.get(Ref("v1", "ConfigMap", "x", namespace)) is None


def replace_with_an_old_version_conflicts(kube, namespace):
    old = kube.create(config_map(namespace, a="1"))
    kube.replace(old | {"data": {"a": "2"}})
    assert_refused(409, "Conflict", lambda: kube.replace(old | {"data": {"a": "3"}}))


def patch_of_an_absent_object_is_not_found(kube, namespace):
    absent = Ref("v1", "ConfigMap", "x", namespace)
    assert_refused(404, "NotFound", lambda: kube.patch(absent, {"data": {"a": "1"}}))


def merge_patch_removes_with_null(kube, namespace):
    ref = Ref.of(kube.create(config_map(namespace, a="1", b="2")))
    assert kube.patch(ref, {"data": {"a": None, "c": "3"}})["data"] == {"b": "2", "c": "3"}


def json_patch_adds_and_removes(kube, namespace):
    ref = Ref.of(kube.create(service_account(namespace, **{"a/b": "1", "c": "2"})))
    operations = [
        {"op": "remove", "path": "/metadata/annotations/a~1b"},
        {"op": "add", "path": "/metadata/annotations/d", "value": "3"},
    ]
    patched = kube.patch(ref, operations, kind="json")
    assert patched["metadata"]["annotations"] == {"c": "2", "d": "3"}


def delete_says_whether_there_was_something(kube, namespace):
    ref = Ref.of(kube.create(config_map(namespace)))
    assert kube.delete(ref) is True
    assert kube.delete(ref) is False


def delete_of_another_uid_conflicts(kube, namespace):
    ref = Ref.of(kube.create(config_map(namespace)))
    assert_refused(409, "Conflict", lambda: kube.delete(ref, uid="another"))
    assert kube.delete(ref, uid=kube.get(ref)["metadata"]["uid"]) is True


def list_selects_by_namespace_and_label(kube, namespace):
    labelled = config_map(namespace, "labelled")
    labelled["metadata"]["labels"] = {"irsa/x": "1"}
    kube.create(labelled)
    kube.create(config_map(namespace, f"plain-{namespace}"))
    found = kube.list("v1", "ConfigMap", namespace=namespace, label_selector="irsa/x=1")
    assert [(o["metadata"]["name"], o["kind"], o["apiVersion"]) for o in found] == [
        ("labelled", "ConfigMap", "v1")
    ]
    everywhere = kube.list("v1", "ConfigMap", field_selector=f"metadata.name=plain-{namespace}")
    assert [o["metadata"]["namespace"] for o in everywhere] == [namespace]


def watch_tells_what_is_there_and_what_happens(kube, namespace):
    ref = Ref.of(kube.create(config_map(namespace, a="1")))
    mine = "metadata.name=x"  # a real cluster keeps a ConfigMap of its own in every namespace
    events = kube.watch("v1", "ConfigMap", namespace=namespace, field_selector=mine, timeout=30)
    seen = [next(events)]
    kube.patch(ref, {"data": {"a": "2"}})
    seen.append(next(events))
    kube.delete(ref)
    seen.append(next(events))
    events.close()
    assert [(kind, obj["data"]["a"]) for kind, obj in seen] == [
        ("ADDED", "1"),
        ("MODIFIED", "2"),
        ("DELETED", "2"),
    ]


def watch_ends_after_its_time(kube, namespace):
    assert list(kube.watch("v1", "Secret", namespace=namespace, timeout=0.1)) == []


def token_is_issued_for_a_service_account(kube, namespace):
    kube.create(service_account(namespace))
    issued = kube.create_token(namespace, "sa", audiences=["sts.amazonaws.com"])
    assert issued.token
    assert issued.expires.tzinfo is not None
    assert issued.token not in repr(issued)


def token_of_nobody_is_not_found(kube, namespace):
    assert_refused(404, "NotFound", lambda: kube.create_token(namespace, "nobody", audiences=[]))


def token_of_less_than_ten_minutes_is_invalid(kube, namespace):
    kube.create(service_account(namespace))
    assert_refused(
        422,
        "Invalid",
        lambda: kube.create_token(namespace, "sa", audiences=["a"], expiration_seconds=60),
    )


def cluster_uid_is_that_of_kube_system(kube, namespace):  # noqa: ARG001 - every case has one
    assert kube.get(Ref("v1", "Namespace", "kube-system"))["metadata"]["uid"] == kube.cluster_uid()
    assert kube.version()["major"] == "1"


def unknown_path_is_not_found(kube, namespace):  # noqa: ARG001 - every case has one
    assert_refused(404, None, lambda: kube.raw("/nothing/here"))


def assert_refused(status, reason, call) -> KubeError:
    with pytest.raises(KubeError) as caught:
        call()
    assert (caught.value.status, caught.value.reason) == (status, reason)
    return caught.value


CASES = [
    absent_object_is_none,
    created_object_can_be_read,
    create_twice_conflicts,
    create_names_from_a_prefix,
    create_in_a_missing_namespace_is_not_found,
    apply_creates_then_changes,
    apply_twice_changes_nothing,
    apply_removes_what_is_no_longer_said,
    apply_keeps_the_fields_of_others,
    apply_conflicts_over_the_field_of_another,
    apply_of_the_same_value_shares_the_field,
    forced_apply_takes_the_field_over,
    dry_run_changes_nothing,
    replace_with_an_old_version_conflicts,
    patch_of_an_absent_object_is_not_found,
    merge_patch_removes_with_null,
    json_patch_adds_and_removes,
    delete_says_whether_there_was_something,
    delete_of_another_uid_conflicts,
    list_selects_by_namespace_and_label,
    watch_tells_what_is_there_and_what_happens,
    watch_ends_after_its_time,
    token_is_issued_for_a_service_account,
    token_of_nobody_is_not_found,
    token_of_less_than_ten_minutes_is_invalid,
    cluster_uid_is_that_of_kube_system,
    unknown_path_is_not_found,
]
