"""
The one list of what a configuration means: every thing that should exist, in order.

The order is that of making them; a removal goes its own, safe way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from irsa.arns import RoleArn, partition_of, provider_arn
from irsa.config import Config, ServiceAccountName
from irsa.config import Role as RoleConfig
from irsa.identity.issuer import DISCOVERY_KEY, JWKS_KEY
from irsa.identity.keys import PublicKey
from irsa.injection import grants, webhook
from irsa.kube.objects import Object
from irsa.provision.account import Account
from irsa.provision.bucket import Bucket
from irsa.provision.checks import Check, Injects, Published
from irsa.provision.directory import Directory
from irsa.provision.documents import Documents, object_key
from irsa.provision.engine import EngineObject, proof_pod, readiness, removal_order
from irsa.provision.foreign_role import ForeignRole
from irsa.provision.leftover import LeftoverAccounts, Leftovers
from irsa.provision.leftover_engine import LeftoverEngine
from irsa.provision.leftover_issuer import LeftoverIssuers
from irsa.provision.old_bucket import Home, OldBucket, behind
from irsa.provision.owner import Owner
from irsa.provision.provider import Provider
from irsa.provision.resource import Resource
from irsa.provision.role import Role
from irsa.provision.scope import ALL, Part, Scope
from irsa.provision.service_account import ServiceAccount
from irsa.provision.shared_bucket import SharedBucket
from irsa.trust import policy

Resources = Sequence[Resource[Any]]
Placed = tuple[Part, Resource[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """
    What somebody wants to exist.

    Args:
        config: The configuration.
        keys: The public keys to publish; none are needed for a removal.
        prune: Whether what the configuration no longer names should go.
        delete_bucket: Whether a removal removes the bucket itself.
        base: The directory of the configuration, which its paths are relative to.
        only: The parts that this is about.
    """

    config: Config
    keys: tuple[PublicKey, ...] = ()
    prune: bool = False
    delete_bucket: bool = False
    base: str = ""
    only: Scope = ALL

    @property
    def owner(self) -> Owner:
        """The cluster that everything belongs to."""
        return Owner(name=self.config.cluster.name, uid=self.config.cluster.uid)

    @property
    def partition(self) -> str:
        """The partition of every ARN."""
        return partition_of(self.config.aws.region).name

    @property
    def provider_arn(self) -> str:
        """The ARN of the OIDC provider."""
        issuer = self.config.issuer_url
        return provider_arn(self.partition, self.config.aws.account, issuer.provider)

    @property
    def annotation(self) -> str:
        """The annotation on ServiceAccounts."""
        return f"{self.config.injection.annotation_prefix}/{grants.ROLE_ARN}"

    def role_arn(self, role: RoleConfig) -> str:
        """The ARN of a role in the configuration."""
        return str(
            RoleArn(
                partition=self.partition,
                account=self.config.aws.account,
                path=role.path,
                name=role.role_name(self.config.cluster.name),
            )
        )


def desired(wish: Wish) -> Resources:
    """Everything that should exist, in the order in which it is made."""
    return [resource for part, resource in _desired(wish) if part in wish.only]


def removable(wish: Wish) -> Resources:
    """
    Everything that may exist, in the order in which it is safely removed.

    Nothing trusts the issuer any more when its name becomes free.
    """
    return [resource for part, resource in _removable(wish) if part in wish.only]


def _desired(wish: Wish) -> Iterable[Placed]:
    roles = [_role(wish, role) for role in wish.config.roles]
    if wish.config.issuer.publish == "s3":
        yield Part.issuer, Account(account=wish.config.aws.account, public=True)
    yield from _placed(Part.issuer, _publication(wish))
    yield Part.provider, _provider(wish)
    sizes = {one.name: policy.size(one.trust) for one in roles if isinstance(one, Role)}
    yield Part.roles, Account(account=wish.config.aws.account, trust_sizes=sizes)
    yield from _placed(Part.roles, roles)
    wanted = engine(wish) if _installs(wish) else []
    yield from _placed(Part.injection, wanted)
    yield Part.injection, _leftover_engine(wish, wanted)
    yield from _placed(Part.service_accounts, _service_accounts(wish))
    yield Part.roles, _leftover_roles(wish)
    yield Part.provider, _leftover_issuers(wish)
    yield Part.service_accounts, _leftover_accounts(wish)


def _removable(wish: Wish) -> Iterable[Placed]:
    yield from _placed(Part.injection, removal_order(engine(wish)))
    yield Part.injection, _leftover_engine(wish, engine(wish))
    yield from _placed(Part.service_accounts, _service_accounts(wish))
    yield Part.service_accounts, _leftover_accounts(wish)
    yield from _placed(Part.roles, (_role(wish, role) for role in wish.config.roles))
    yield Part.roles, _leftover_roles(wish)
    yield Part.provider, _leftover_issuers(wish)
    yield Part.provider, _provider(wish)
    yield from _placed(Part.issuer, reversed(_publication(wish)))


def _placed(part: Part, resources: Iterable[Resource[Any]]) -> Iterable[Placed]:
    return ((part, resource) for resource in resources)


def engine(wish: Wish) -> list[EngineObject]:
    """The objects of the injection engine, whether it is switched on or not."""
    return [EngineObject(object=one, owner=wish.owner) for one in _engine_objects(wish)]


def checks(wish: Wish) -> tuple[Check, ...]:
    """What has to become true at the end of an apply."""
    read_back = _read_back(wish) if Part.issuer in wish.only else ()
    if not _installs(wish) or Part.injection not in wish.only:
        return read_back
    proof = _proof(wish) if Part.service_accounts in wish.only else None
    return (*read_back, *readiness(_engine_objects(wish), proof))


def _read_back(wish: Wish) -> tuple[Check, ...]:
    """Where somebody else decides what the world can read, it is read at every apply."""
    issuer = wish.config.issuer
    if issuer.publish == "s3" and issuer.manage_bucket:
        return ()
    kids = tuple(key.kid for key in wish.keys)
    ours = issuer.publish != "existing"
    return (Published(issuer=wish.config.issuer_url, kids=kids, ours=ours),)


def _installs(wish: Wish) -> bool:
    return wish.config.injection.engine == "webhook"


def _engine_objects(wish: Wish) -> list[Object]:
    return webhook.objects(webhook.WebhookSettings.of(wish.config))


def _proof(wish: Wish) -> Injects | None:
    allowed = wish.config.injection.allowed_accounts
    if wish.config.aws.account not in allowed:
        return None
    for role, account in _annotated(wish):
        pod = proof_pod(account.namespace, account.name)
        return Injects(pod=pod, role_arn=wish.role_arn(role))
    return None


def _publication(wish: Wish) -> list[Resource[Any]]:
    """What publishes the keys, in order; where somebody else does, what irsa may have left."""
    config = wish.config
    match config.issuer.publish:
        case "s3":
            return [_bucket(wish), _documents(wish)]
        case "directory":
            root = str(PurePath(wish.base) / config.issuer.directory)
            return [Directory(root=root, issuer=config.issuer_url, keys=wish.keys)]
        case _:
            ours = _present_bucket(wish)
            return [ours] if ours else []


def _present_bucket(wish: Wish) -> OldBucket | None:
    """The bucket that an existing issuer is read from, which may have been made by irsa."""
    return behind(wish.config.issuer_url, _home(wish, delete_bucket=wish.delete_bucket))


def _home(wish: Wish, *, delete_bucket: bool = False) -> Home:
    return Home(
        account=wish.config.aws.account,
        partition=wish.partition,
        owner=wish.owner,
        delete_bucket=delete_bucket,
    )


def _bucket(wish: Wish) -> Bucket | SharedBucket:
    config = wish.config
    if not config.issuer.manage_bucket:
        return SharedBucket(name=config.issuer.bucket, account=config.aws.account, owner=wish.owner)
    keys = (DISCOVERY_KEY, JWKS_KEY)
    return Bucket(
        name=config.issuer.bucket,
        region=config.aws.region,
        partition=wish.partition,
        account=config.aws.account,
        owner=wish.owner,
        public_keys=tuple(object_key(config.issuer.prefix, key) for key in keys),
        delete=wish.delete_bucket,
    )


def _documents(wish: Wish) -> Documents:
    config = wish.config
    return Documents(
        bucket=config.issuer.bucket,
        account=config.aws.account,
        prefix=config.issuer.prefix,
        issuer=config.issuer_url,
        keys=wish.keys,
        owner=wish.owner,
        shared=not config.issuer.manage_bucket,
    )


def _provider(wish: Wish) -> Provider:
    return Provider(
        arn=wish.provider_arn,
        issuer=wish.config.issuer_url,
        audiences=wish.config.issuer.audiences,
        owner=wish.owner,
        kids=tuple(key.kid for key in wish.keys),
        published=wish.config.issuer.publish != "existing",
        shared=wish.config.issuer.provider == "shared",
    )


def _role(wish: Wish, role: RoleConfig) -> Role | ForeignRole:
    subjects = [policy.subject(one.namespace, one.name) for one in role.service_accounts]
    trust = policy.build(
        provider_arn=wish.provider_arn,
        issuer=wish.config.issuer_url,
        subjects=subjects,
        audience=wish.config.issuer.audiences[0],
        allow_wildcard=role.allow_wildcard,
        sid=policy.statement_id(wish.config.cluster.uid, subjects),
    )
    if role.management != "full":
        return ForeignRole(
            name=role.role_name(wish.config.cluster.name),
            path=role.path,
            trust=trust,
            provider_arn=wish.provider_arn,
            audience=wish.config.issuer.audiences[0],
            accounts=dict(zip(map(str, role.service_accounts), subjects, strict=True)),
            owner=wish.owner,
            keeps=role.management == "trust-only",
        )
    return Role(
        name=role.role_name(wish.config.cluster.name),
        path=role.path,
        description=f"ServiceAccounts of cluster {wish.config.cluster.name}, made by irsa",
        trust=trust,
        max_session_duration=role.max_session_duration,
        tags={**role.tags, **wish.owner.tags},
        owner=wish.owner,
        subjects=tuple(map(str, role.service_accounts)),
        boundary=role.permissions_boundary,
        policies=role.policies,
        inline=role.inline_policy,
    )


def _service_accounts(wish: Wish) -> list[ServiceAccount]:
    return [
        ServiceAccount(
            namespace=account.namespace,
            name=account.name,
            annotation=wish.annotation,
            role_arn=wish.role_arn(role),
            owner=wish.owner,
        )
        for role, account in _annotated(wish)
    ]


def _annotated(wish: Wish) -> Iterable[tuple[RoleConfig, ServiceAccountName]]:
    for role in wish.config.roles:
        for account in role.service_accounts:
            if not account.is_pattern:
                yield role, account


def _leftover_roles(wish: Wish) -> Leftovers:
    names = (role.role_name(wish.config.cluster.name) for role in wish.config.roles)
    return Leftovers(
        owner=wish.owner,
        provider_arn=wish.provider_arn,
        configured=frozenset(names),
        prune=wish.prune,
    )


def _leftover_issuers(wish: Wish) -> LeftoverIssuers:
    return LeftoverIssuers(home=_home(wish), current=wish.config.issuer_url, prune=wish.prune)


def _leftover_engine(wish: Wish, wanted: list[EngineObject]) -> LeftoverEngine:
    return LeftoverEngine(
        owner=wish.owner,
        wanted=tuple(one.object for one in wanted),
        prune=wish.prune or _installs(wish),
    )


def _leftover_accounts(wish: Wish) -> LeftoverAccounts:
    return LeftoverAccounts(
        owner=wish.owner,
        annotation=wish.annotation,
        configured=frozenset(str(account) for _, account in _annotated(wish)),
        prune=wish.prune,
    )
