"""`irsa keys`: make a signing key, and look into key files. A private key is never printed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from irsa.cli.options import OutputFormat
from irsa.cli.render import console
from irsa.cli.render.console import Output
from irsa.errors import InputError

if TYPE_CHECKING:
    from irsa.identity.keys import KeyKind, PublicKey, SigningKey

PRIVATE_NAME = "sa.key"
PUBLIC_NAME = "sa.pub"

app = typer.Typer(no_args_is_help=True, help="Make signing keys, and look into key files.")


@app.command()
def create(
    *,
    kind: Annotated[
        str,
        typer.Option(
            "--type", metavar="TYPE", help="rsa-2048, rsa-4096, ec-p256, ec-p384 or ec-p521."
        ),
    ] = "rsa-2048",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help=f"Where {PRIVATE_NAME} and {PUBLIC_NAME} go; by default here."
        ),
    ] = None,
    private: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The private key's file, with --public.")
    ] = None,
    public: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The public key's file, with --private.")
    ] = None,
    output: OutputFormat = Output.text,
) -> None:
    """
    Make a signing key for a cluster that does not exist yet, and print its key id.

    A cluster in use keeps the keys that it has. Files are never overwritten; the private one can
    be read by its owner only.

    Example: irsa keys create --type ec-p256 --out pki
    """
    from irsa.identity.keys import SigningKey

    chosen = _kind(kind)
    private_file, public_file = _places(out, private, public=public)
    _check_free(private_file, public_file)
    with console.step(f"made an {chosen} key"):
        key = SigningKey.generate(chosen)
    _write(key, private_file, public_file=public_file)
    console.note(f"  private key  {private_file}  for --service-account-signing-key-file")
    console.note(f"  public key   {public_file}  for --service-account-key-file")
    if output is Output.text:
        console.result(key.public.kid)
    else:
        files = {"private": str(private_file), "public": str(public_file)}
        console.data({**_facts(key.public), **files}, output)


@app.command()
def show(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Private keys, public keys, certificates (PEM), or a JWKS."
        ),
    ],
    *,
    output: OutputFormat = Output.text,
) -> None:
    """
    Print id, type and algorithm of every key that kube-apiserver reads from the files.

    As JSON or YAML the keys are printed as a JWKS.

    Example: kubectl get --raw /openid/v1/jwks | irsa keys show /dev/stdin
    """
    found = [(file, key) for file in files for key in _read(file)]
    if output is not Output.text:
        console.data({"keys": [key.jwk() for _, key in found]}, output)
        return
    for file, key in found:
        console.result(f"{key.kid or '-':43}  {key.kind:8}  {key.algorithm:5}  {file}")


def _kind(text: str) -> "KeyKind":
    from irsa.identity.keys import KeyKind

    if text not in set(KeyKind):
        raise typer.BadParameter(
            f"{text!r} is not one of {', '.join(KeyKind)}", param_hint="--type"
        )
    return KeyKind(text)


def _places(out: Path | None, private: Path | None, *, public: Path | None) -> tuple[Path, Path]:
    if private is None and public is None:
        directory = out or Path()
        return directory / PRIVATE_NAME, directory / PUBLIC_NAME
    if private is None or public is None:
        raise typer.BadParameter("--private and --public go together")
    if out is not None:
        raise typer.BadParameter("--out does not go with --private and --public")
    return private, public


def _check_free(private_file: Path, public_file: Path) -> None:
    if private_file.absolute() == public_file.absolute():
        raise InputError(f"{private_file} cannot be both the private and the public file")
    for file in (private_file, public_file):
        if file.exists() or file.is_symlink():
            raise InputError(
                f"{file} exists already and is never overwritten",
                hint="choose another name, or move the old file away first",
            )
        if not file.parent.is_dir():
            raise InputError(f"{file.parent} is not a directory", hint=f"mkdir -p {file.parent}")


def _write(key: "SigningKey", private_file: Path, *, public_file: Path) -> None:
    """Both files or none."""
    from irsa import files

    files.create(private_file, key.private_pem(), mode=files.SECRET_MODE)
    try:
        files.create(public_file, key.public.pem())
    except BaseException:
        private_file.unlink()
        raise


def _read(file: Path) -> tuple["PublicKey", ...]:
    from irsa import files
    from irsa.identity import jwks
    from irsa.identity.keys import load_public_keys

    data = files.read_bytes(file)
    if data.lstrip().startswith(b"{"):
        return jwks.parse(data, str(file))
    return load_public_keys(data, str(file))


def _facts(key: "PublicKey") -> dict[str, str]:
    return {"kid": key.kid, "type": key.kind, "algorithm": key.algorithm}
