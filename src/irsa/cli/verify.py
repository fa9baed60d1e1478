"""`irsa verify`: a pod of the cluster writes one object to S3 with its own role."""

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from irsa.cli import options, session
from irsa.cli.render import console
from irsa.cli.render.console import Output
from irsa.errors import InputError

if TYPE_CHECKING:
    from irsa.config import Config
    from irsa.verify.echo import Echo, Egress
    from irsa.verify.proof import Proof

DEFAULT_SECONDS = 300
GIVEN_WRITES, NEW_WRITES = 2, 6


def command(
    *,
    config: options.ConfigFile = options.DEFAULT_CONFIG,
    service_account: Annotated[
        str | None,
        typer.Option(
            "--service-account",
            metavar="NAMESPACE/NAME",
            help="An annotated ServiceAccount with a role of its own; needs --bucket. "
            "Without it, a temporary one with a temporary role is used.",
        ),
    ] = None,
    bucket: Annotated[
        str | None,
        typer.Option("--bucket", metavar="NAME", help="An existing bucket to write to."),
    ] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Where the temporary ServiceAccount is made.")
    ] = "default",
    image: Annotated[
        str | None, typer.Option("--image", help="An image with the AWS CLI and a shell.")
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option("--proxy", metavar="URL", help="The HTTPS proxy that pods must use."),
    ] = None,
    ca_bundle: Annotated[
        Path | None,
        typer.Option("--ca-bundle", metavar="FILE", help="Authorities that pods must trust (PEM)."),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option("--timeout", metavar="SECONDS", min=1, help="How long the pod may take."),
    ] = DEFAULT_SECONDS,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    output: options.OutputFormat = Output.text,
) -> None:
    """
    Prove on the real cluster that a pod gets its own role.

    A Job with the AWS CLI writes one object to S3 under its own role; the object is
    read back, its caller reported, and everything that was made for it is removed.

    Example: irsa verify --output json
    """
    if service_account and not bucket:
        raise InputError(
            f"--service-account {service_account} needs a bucket that its role may write to",
            hint="name it with --bucket",
        )
    from irsa.verify.proof import Verification

    settings = session.load(config)
    echo = _echo(settings, service_account, bucket, namespace)
    egress = _egress(proxy, ca_bundle)
    with (
        session.open_kube(settings, kubeconfig=kubeconfig, context=context) as kube,
        session.open_aws(settings) as aws,
    ):
        proof = Verification(
            config=settings,
            kube=kube,
            aws=aws,
            echo=_with(echo, image, egress),
            given_service_account=service_account is not None,
            given_bucket=bucket is not None,
            seconds=seconds,
            say=console.note,
        ).run(console.step)
    _show(proof, output)


def _echo(
    config: "Config", service_account: str | None, bucket: str | None, namespace: str
) -> "Echo":
    from irsa.verify.echo import Echo
    from irsa.verify.temporary import Temporary

    own = Temporary(config=config, run=secrets.token_hex(4))
    if service_account:
        namespace, slash, name = service_account.partition("/")
        if not (namespace and slash and name):
            raise InputError(
                f"--service-account {service_account!r} is not NAMESPACE/NAME", hint="as shop/web"
            )
    else:
        name = own.role
    return Echo(
        run=own.run,
        namespace=namespace,
        service_account=name,
        bucket=bucket or own.bucket,
        # What a new role may do is known a little later than the role itself.
        writes=GIVEN_WRITES if service_account else NEW_WRITES,
    )


def _egress(proxy: str | None, ca_bundle: Path | None) -> "Egress":
    from irsa import files
    from irsa.verify.echo import Egress

    return Egress(
        proxy=proxy,
        no_proxy=os.environ.get("NO_PROXY") if proxy else None,
        ca_pem=files.read_text(ca_bundle) if ca_bundle else None,
    )


def _with(echo: "Echo", image: str | None, egress: "Egress") -> "Echo":
    from dataclasses import replace

    return replace(echo, egress=egress, image=image or echo.image)


def _show(proof: "Proof", output: Output) -> None:
    if output is not Output.text:
        console.data(proof.to_json(), output)
        return
    console.result(f"object   s3://{proof.bucket}/{proof.key} ({proof.size} bytes)")
    console.result(f"written  by {proof.caller}, a pod of {proof.service_account}")
    console.result(f"seen by  {_WITNESS[proof.vouched_by]}")


_WITNESS = {
    "s3": "S3: the role's policy admits only a key that ends in the caller's own id",
    "sts": "STS: as the pod was told when it asked",
}
