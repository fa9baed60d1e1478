"""
AWS's query protocol, as IAM and STS speak it: form in, XML out, by AWS's own models.

Never here: what an operation does.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.model import Shape

from irsa.local.aws import constraints
from irsa.local.aws.errors import ApiError
from irsa.local.aws.models import operation_model, service_model
from irsa.local.aws.request import Request, Response

Params = dict[str, Any]


def form_of(request: Request) -> dict[str, str]:
    """The form that a request carries, in its body or (for GET) in its query."""
    text = (
        request.query_text
        if request.method == "GET"
        else request.body.decode("utf-8", errors="replace")
    )
    return dict(parse_qsl(text, keep_blank_values=True))


def params_of(service: str, operation: str, form: Mapping[str, str]) -> Params:
    """
    The operation's parameters, decoded and held against the model's limits.

    Raises:
        ApiError: ValidationError, as AWS words it.
    """
    model = operation_model(service, operation)
    shape = model.input_shape if model else None
    if shape is None:
        return {}
    params = _structure(shape, form, "")
    constraints.check(shape, params)
    return params


def _structure(shape: Shape, form: Mapping[str, str], prefix: str) -> Params:
    found = {}
    for name, member in shape.members.items():
        key = f"{prefix}{member.serialization.get('name', name)}"
        value = _value(member, form, key)
        if value is not None:
            found[name] = value
    return found


def _value(shape: Shape, form: Mapping[str, str], key: str) -> Any:
    if shape.type_name == "structure":
        inside = _structure(shape, form, f"{key}.")
        return inside or None
    if shape.type_name == "list":
        return _list(shape, form, key)
    return _scalar(shape, form.get(key), key)


def _list(shape: Shape, form: Mapping[str, str], key: str) -> list[Any] | None:
    if form.get(key) == "":
        return []
    numbers = sorted(
        {
            int(number)
            for name in form
            if name.startswith(f"{key}.member.")
            and (number := name.removeprefix(f"{key}.member.").split(".")[0]).isdigit()
        }
    )
    values = [_value(shape.member, form, f"{key}.member.{number}") for number in numbers]
    return values or None


def _scalar(shape: Shape, text: str | None, key: str) -> Any:
    if text is None:
        return None
    if shape.type_name in ("integer", "long"):
        if not text.lstrip("-").isdigit():
            raise ApiError("MalformedInput", f"{key} must be a number")
        return int(text)
    if shape.type_name == "boolean":
        return text.lower() == "true"
    return text


def answer(service: str, operation: str, result: Mapping[str, Any], request_id: str) -> Response:
    """The XML of a successful operation."""
    model = operation_model(service, operation)
    shape = model.output_shape if model else None
    inner = ""
    if shape is not None:
        wrapper = shape.serialization.get("resultWrapper", f"{operation}Result")
        inner = f"<{wrapper}>{_members(shape, result)}</{wrapper}>"
    namespace = service_model(service).metadata["xmlNamespace"]
    text = (
        f'<{operation}Response xmlns="{namespace}">{inner}'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        f"</{operation}Response>"
    )
    return Response(headers={"content-type": "text/xml"}, body=text.encode())


def _members(shape: Shape, values: Mapping[str, Any]) -> str:
    unknown = set(values) - set(shape.members)
    if unknown:
        raise KeyError(f"{shape.name} has no member {sorted(unknown)}")
    return "".join(
        _element(member.serialization.get("name", name), member, values[name])
        for name, member in shape.members.items()
        if values.get(name) is not None
    )


def _element(name: str, shape: Shape, value: Any) -> str:
    return f"<{name}>{_inner(shape, value)}</{name}>"


def _inner(shape: Shape, value: Any) -> str:
    if shape.type_name == "structure":
        return _members(shape, value)
    if shape.type_name == "list":
        return "".join(_element("member", shape.member, item) for item in value)
    if shape.type_name == "map":
        return "".join(_entry(shape, key, item) for key, item in value.items())
    return escape(_text(value))


def _entry(shape: Shape, key: str, value: Any) -> str:
    return (
        f"<entry>{_element('key', shape.key, key)}{_element('value', shape.value, value)}</entry>"
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as IAM lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def page(
    items: Iterable[Any], params: Params, *, default: int = 100
) -> tuple[Sequence[Any], dict[str, Any]]:
    """One page of a list by `Marker` and `MaxItems`, and what says where the next one starts."""
    everything = list(items)
    marker = params.get("Marker") or "0"
    if not marker.isdigit():
        raise ApiError("ValidationError", "Invalid Marker.")
    start, size = int(marker), params.get("MaxItems") or default
    rest = start + size < len(everything)
    more = {"IsTruncated": rest, "Marker": str(start + size) if rest else None}
    return everything[start : start + size], more
