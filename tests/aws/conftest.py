"""A local AWS behind its proxy, and real clients that know nothing of it."""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest
from tests.aws.local_account import (
    ACCOUNT,
    ADMIN,
    REGION,
    Clock,
    Cluster,
    LocalAws,
    make_bucket,
    open_bucket,
    policy,
    public_read,
    trust,
)
from tests.aws.sign_on import Person

from irsa.identity import discovery, jwks
from irsa.identity.issuer import DISCOVERY_KEY, JWKS_KEY, IssuerUrl
from irsa.identity.keys import KeyKind, SigningKey
from irsa.local.aws.server import Server


@pytest.fixture(name="aws", scope="session")
def _aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    for name in [name for name in os.environ if name.startswith(("AWS_", "HTTPS_PROXY"))]:
        del os.environ[name]
    clock = Clock()
    directory = tmp_path_factory.mktemp("aws")
    server = Server.start(
        directory,
        account=ACCOUNT,
        region=REGION,
        keys=ADMIN,
        clock=clock,
        delays=lambda: local.delays,
    )
    local = LocalAws(server=server, clock=clock)
    yield local
    local.close()
    server.stop()


@pytest.fixture(name="s3")
def _s3(aws: LocalAws) -> Any:
    return aws.client("s3")


@pytest.fixture(name="iam")
def _iam(aws: LocalAws) -> Any:
    return aws.client("iam")


@pytest.fixture(name="sts")
def _sts(aws: LocalAws) -> Any:
    return aws.client("sts")


_NUMBERS = itertools.count(1)


@pytest.fixture(name="name")
def _name() -> str:
    """A name that no other test has."""
    return f"thing-{next(_NUMBERS)}"


@pytest.fixture(name="bucket")
def _bucket(s3: Any, name: str) -> str:
    """A fresh bucket."""
    make_bucket(s3, name)
    return name


@pytest.fixture(name="user")
def _user(iam: Any, name: str) -> Any:
    """A function that makes a user with a policy, and returns its keys."""

    def make(*statements: dict[str, Any], user: str = f"{name}-user") -> tuple[str, str]:
        iam.create_user(UserName=user)
        if statements:
            iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=policy(*statements))
        key = iam.create_access_key(UserName=user)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    return make


@pytest.fixture(name="signing_key", scope="session")
def _signing_key() -> SigningKey:
    return SigningKey.generate(KeyKind.ec_p256)


@pytest.fixture(name="cluster")
def _cluster(
    aws: LocalAws, s3: Any, iam: Any, bucket: str, signing_key: SigningKey
) -> Iterator[Cluster]:
    """A cluster with everything in place; its provider goes, since there are 100 at most."""
    issuer = IssuerUrl.for_bucket(bucket, region=REGION)
    found = Cluster(aws=aws, name=bucket, issuer=issuer, key=signing_key, role="", provider="")
    public = (signing_key.public,)
    found.publish(discovery.build(issuer, public), jwks.build(public))
    open_bucket(s3, bucket, public_read(bucket, DISCOVERY_KEY, JWKS_KEY))
    found.provider = iam.create_open_id_connect_provider(
        Url=str(issuer), ClientIDList=["sts.amazonaws.com"]
    )["OpenIDConnectProviderArn"]
    role = iam.create_role(
        RoleName=f"{bucket}-role", AssumeRolePolicyDocument=trust(found.provider, issuer)
    )
    found.role = role["Role"]["Arn"]
    yield found
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=found.provider)


@pytest.fixture(name="person", scope="module")
def _person(aws: LocalAws) -> Person:
    """Somebody who logs in by IAM Identity Center."""
    person = Person(aws)
    person.meet()
    return person
