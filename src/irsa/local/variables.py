"""
What a user's shell needs to work on a rig with everyday tools.

Never here: how it is printed.
"""

from irsa.local.rig import Rig, no_such_rig

# Whatever of these is set would win over the variables below, or change their meaning.
UNWANTED = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL")


def variables(rig: Rig) -> dict[str, str]:
    """
    The variables that lead kubectl, irsa, the AWS CLI and every SDK to a rig.

    Where there is AWS alone, there is nothing for kubectl.

    Raises:
        RigError: It is not up.
    """
    aws = rig.aws_ready()
    if not rig.running() or aws is None:
        raise no_such_rig(rig.name)
    spec = rig.spec()
    access_key, secret = rig.credentials()
    cluster = {"KUBECONFIG": str(rig.kubeconfig)} if spec.servers else {}
    return {
        **cluster,
        "HTTPS_PROXY": str(aws["proxy"]),
        "NO_PROXY": ",".join(filter(None, dict.fromkeys(("127.0.0.1", "localhost", spec.address)))),
        "AWS_CA_BUNDLE": str(aws["ca"]),
        "AWS_REGION": spec.region,
        # The AWS CLI and boto3 read this one, and do not know the other.
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret,
        # What is done to a rig is no part of the user's own record, and goes with it.
        "IRSA_AUDIT_LOG": str(rig.directory / "audit.jsonl"),
    }
