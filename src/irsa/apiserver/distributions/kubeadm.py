"""
kubeadm: what `kubeadm upgrade` would make of the flags, and what to write down to keep them.

It renders the manifest anew from the ConfigMap `kubeadm-config` and its patches; flags that stand
only in the manifest are lost.
Never here: changing the ConfigMap.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from irsa.apiserver import flags
from irsa.apiserver.flags import Issuance

CONFIG_MAP = ("kube-system", "kubeadm-config")
_KEY = "ClusterConfiguration"
_SORTED_BEFORE = (1, 36)
_PATCH = "kube-apiserver0+json.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """
    Why `kubeadm upgrade` would lose the flags, and what keeps them.

    Args:
        place: Where the text belongs.
        text: Exactly what to put there.
        caution: What else to know.
    """

    reason: str
    place: str
    text: str
    caution: str | None = None


def advise(config_map: Mapping[str, Any] | None, wanted: Issuance) -> Advice | None:
    """What to write down; None where kubeadm would render these flags, or is not in use here."""
    text = ((config_map or {}).get("data") or {}).get(_KEY)
    if not text:
        return None
    try:
        configuration = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        configuration = None
    if not isinstance(configuration, dict):
        return _unreadable(wanted)
    rendered = _rendered(configuration)
    if rendered == wanted:
        return None
    if isinstance(_arguments(configuration), list) or _is_list_version(configuration):
        return _as_list(configuration, wanted)
    return _as_patch(rendered, wanted)


def _rendered(configuration: Mapping[str, Any]) -> Issuance:
    arguments = _arguments(configuration)
    pairs = _pairs(arguments)
    issuers = tuple(value for name, value in pairs if name == flags.ISSUER)
    audiences = [value for name, value in pairs if name == flags.AUDIENCES]
    return Issuance(
        issuers=issuers or (_default_issuer(configuration),),
        audiences=tuple(one for text in audiences for one in flags.split_list(text))
        if audiences
        else None,
    )


def _arguments(configuration: Mapping[str, Any]) -> Any:
    server = configuration.get("apiServer")
    return server.get("extraArgs") if isinstance(server, dict) else None


def _pairs(arguments: Any) -> list[tuple[str, str]]:
    if isinstance(arguments, dict):
        return [(str(name), str(value)) for name, value in arguments.items()]
    entries = arguments if isinstance(arguments, list) else []
    return [
        (str(entry.get("name")), str(entry.get("value")))
        for entry in entries
        if isinstance(entry, dict)
    ]


def _default_issuer(configuration: Mapping[str, Any]) -> str:
    networking = configuration.get("networking")
    domain = networking.get("dnsDomain") if isinstance(networking, dict) else None
    return f"https://kubernetes.default.svc.{domain or 'cluster.local'}"


def _is_list_version(configuration: Mapping[str, Any]) -> bool:
    found = re.fullmatch(r"kubeadm\.k8s\.io/v1beta(\d+)", str(configuration.get("apiVersion")))
    return found is not None and int(found.group(1)) >= 4


def _as_list(configuration: Mapping[str, Any], wanted: Issuance) -> Advice:
    return Advice(
        reason="kubeadm-config does not carry these flags: kubeadm upgrade would drop them",
        place="ConfigMap kubeadm-config in kube-system, in ClusterConfiguration, in place of the"
        f" entries named {flags.ISSUER} and {flags.AUDIENCES}",
        text=_dump({"apiServer": {"extraArgs": list(_entries(wanted))}}),
        caution=_order_caution(configuration),
    )


def _entries(wanted: Issuance) -> Iterator[dict[str, str]]:
    for text in wanted.render():
        name, _, value = text.removeprefix("--").partition("=")
        yield {"name": name, "value": value}


def _order_caution(configuration: Mapping[str, Any]) -> str | None:
    found = re.match(r"v?(\d+)\.(\d+)", str(configuration.get("kubernetesVersion")))
    if found and (int(found.group(1)), int(found.group(2))) >= _SORTED_BEFORE:
        return None
    return (
        "kubeadm before 1.36 may sort these values, so that another issuer signs (kubeadm issue"
        " 3261): check with `irsa issuer status` after every upgrade, or use a patch"
    )


def _as_patch(rendered: Issuance, wanted: Issuance) -> Advice:
    return Advice(
        reason="kubeadm-config of this version holds one value a flag, so it cannot carry two"
        " issuers: kubeadm upgrade would drop one",
        place=f"a file {_PATCH} in a directory on every control-plane node, given each time as"
        " kubeadm upgrade … --patches DIRECTORY",
        text=_dump(list(_operations(rendered, wanted))),
    )


def _operations(rendered: Issuance, wanted: Issuance) -> Iterator[dict[str, str]]:
    base = rendered.issuers[0]
    at = wanted.issuers.index(base) if base in wanted.issuers else len(wanted.issuers)
    for issuer in reversed(wanted.issuers[:at]):
        yield _add("1", f"--{flags.ISSUER}={issuer}")
    for issuer in wanted.issuers[at + 1 :]:
        yield _add("-", f"--{flags.ISSUER}={issuer}")
    if wanted.audiences is not None and rendered.audiences is None:
        yield _add("-", f"--{flags.AUDIENCES}={flags.join_list(wanted.audiences)}")


def _add(index: str, value: str) -> dict[str, str]:
    return {"op": "add", "path": f"/spec/containers/0/command/{index}", "value": value}


def _unreadable(wanted: Issuance) -> Advice:
    return Advice(
        reason="the ClusterConfiguration in kubeadm-config cannot be read",
        place="where kubeadm of this cluster takes its flags from",
        text=_dump({"apiServer": {"extraArgs": list(_entries(wanted))}}),
    )


def _dump(value: Any) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # typed as None
    yaml.width = 1000
    stream = StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()
