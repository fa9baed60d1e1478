"""
`irsa init` from the first look to the text of the configuration.

Never here: writing it.
"""

import os
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from irsa.cli import choices, session
from irsa.cli.given import Given, also
from irsa.cli.interview import Complaint, Interview, Question, ask, check
from irsa.cli.render import console
from irsa.errors import AwsError, InputError, KubeError

if TYPE_CHECKING:
    from irsa.cli.account import AccountFacts
    from irsa.cli.detection import ClusterFacts
    from irsa.config import Config, Injection, Issuer, Role
    from irsa.kube.client import Kube

SCHEMA_FILE = "irsa.schema.json"

_SUFFIX_BYTES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """What somebody decided, or would have had to."""

    name: str
    issuer: "Issuer"
    roles: "tuple[Role, ...]"


class Composer:
    """
    Finds out what can be found out, has the rest answered, and puts it together.

    Args:
        given: The options.
        interview: Who answers the rest.
    """

    def __init__(self, given: Given, interview: Interview) -> None:
        self._given = given
        self._interview = interview

    def compose(self, path: Path) -> str:
        """
        The text of the configuration.

        Args:
            path: Where it will be, for messages.

        Raises:
            IrsaError: Something cannot be found out, was not answered, or is wrong.
        """
        from irsa import config as configuration

        self._given.check_halves()
        cluster = self._look_at_cluster()
        region = self._region(cluster)
        if not region:
            self._answers(cluster, None, region=region)
            raise self._interview.unanswered()
        account = self._look_at_account(cluster, region)
        answers = self._answers(cluster, account, region=region)
        if self._interview.missing:
            raise self._interview.unanswered()
        composed = self._config(cluster, account, region=region, answers=answers)
        text = _text(composed, cluster, path.parent)
        configuration.parse(text, source=str(path))
        for remark in choices.remarks(cluster, account, composed):
            console.note(remark)
        return text

    def _look_at_cluster(self) -> "ClusterFacts":
        from irsa.cli import detection

        if self._given.uid:
            return detection.unseen_cluster(self._given.uid)
        try:
            return self._seen_cluster()
        except (KubeError, InputError) as error:  # there may be no kubeconfig at all
            error.hint = also(error.hint, "without the cluster: --uid UID --public-key FILE")
            raise

    def _seen_cluster(self) -> "ClusterFacts":
        from irsa.cli import detection
        from irsa.cli.render import init as render

        with (
            self._open_kube() as kube,
            session.open_web() as web,
            console.step("look at the cluster"),
        ):
            found = detection.look_at_cluster(kube, web)
        for line in render.cluster(found):
            console.note(line)
        return found

    def _open_kube(self) -> "Kube":
        from irsa.kube.client import Kube

        return Kube.open(kubeconfig=self._given.kubeconfig, context=self._given.context)

    def _look_at_account(self, cluster: "ClusterFacts", region: str) -> "AccountFacts":
        from irsa.cli import account

        if self._given.account:
            return account.unseen_account(self._given.account, region)
        try:
            return self._seen_account(cluster, region)
        except AwsError as error:
            error.hint = also(error.hint, "without AWS: --account NUMBER")
            raise

    def _seen_account(self, cluster: "ClusterFacts", region: str) -> "AccountFacts":
        from irsa.aws.client import Aws
        from irsa.cli import account
        from irsa.cli.render import init as render

        with (
            Aws.open(region=region, profile=self._given.profile) as aws,
            console.step("look at the AWS account"),
        ):
            found = account.look_at_account(aws, cluster, region=region)
        for line in render.account(found, region):
            console.note(line)
        return found

    def _region(self, cluster: "ClusterFacts") -> str:
        """The given region, the configured one, that of the Nodes, or the answer."""
        from irsa.aws import client
        from irsa.config import rules

        configured = os.environ.get("AWS_REGION") or client.configured_region(self._given.profile)
        question = Question(option="--region", text="AWS region", complain=rules.region)
        return self._interview.answer(
            question, self._given.region or configured or cluster.region or None
        )

    def _answers(
        self, cluster: "ClusterFacts", account: "AccountFacts | None", *, region: str
    ) -> _Answers:
        present = self._present_issuer(cluster, account)
        question = self._name_question(cluster)
        name = self._interview.answer(question, self._given.name)
        return _Answers(
            name=name,
            issuer=present or self._new_issuer(name or question.suggestion),
            roles=self._roles(cluster, account, region=region),
        )

    def _config(
        self,
        cluster: "ClusterFacts",
        account: "AccountFacts",
        *,
        region: str,
        answers: _Answers,
    ) -> "Config":
        from irsa.config import Aws, Cluster, Config

        context = None if self._given.uid else self._context_and_cluster()[0]
        return Config(
            cluster=Cluster(name=answers.name, uid=cluster.uid, context=context),
            aws=Aws(account=account.identity.account, region=region, profile=self._given.profile),
            issuer=answers.issuer,
            injection=self._injection(cluster),
            roles=answers.roles,
        )

    def _context_and_cluster(self) -> tuple[str | None, str | None]:
        from irsa.kube import locate

        given = self._given
        return locate.names(given.kubeconfig, given.context, environment=os.environ)

    def _present_issuer(
        self, cluster: "ClusterFacts", account: "AccountFacts | None"
    ) -> "Issuer | None":
        if self._given.bucket is None:
            return choices.present_issuer(cluster, account)
        choices.refuse_new_issuer(cluster)
        return None

    def _name_question(self, cluster: "ClusterFacts") -> Question:
        from irsa.config import rules, suggestions

        context, entry = (None, None) if self._given.uid else self._context_and_cluster()
        candidates = (cluster.recognised.cluster_name, entry, context)
        return Question(
            option="--name",
            text="Name of the cluster",
            complain=rules.cluster_name,
            suggestion=suggestions.cluster_name(candidates),
        )

    def _new_issuer(self, name: str | None) -> "Issuer":
        from irsa.config import Issuer, rules, suggestions

        suffix = secrets.token_hex(_SUFFIX_BYTES)
        question = Question(
            option="--bucket",
            text="Bucket for the issuer's two documents, made by irsa apply",
            complain=rules.bucket,
            suggestion=suggestions.bucket(name, suffix) if name else None,
        )
        return Issuer(
            publish="s3",
            bucket=self._interview.answer(question, self._given.bucket),
            keys_from=self._given.public_keys or "cluster",
        )

    def _injection(self, cluster: "ClusterFacts") -> "Injection":
        from irsa.config import Injection, Webhook

        given = self._given
        engine: Any = given.engine or choices.engine(cluster)
        if engine == "none":
            return Injection(engine=engine)
        webhook = Webhook(
            replicas=given.replicas or choices.replicas(cluster),
            host_network=given.host_network,
            port=given.port,
        )
        return Injection(engine=engine, webhook=webhook)

    def _roles(
        self, cluster: "ClusterFacts", account: "AccountFacts | None", *, region: str
    ) -> "tuple[Role, ...]":
        """A role for each ServiceAccount, all with the same permissions."""
        from irsa.config import Role, ServiceAccountName

        names = self._service_accounts(cluster)
        number = account.identity.account if account else None
        policies = self._policies(names, choices.policy_complaint(number, region))
        return tuple(
            Role(
                service_accounts=(ServiceAccountName(namespace=namespace, name=name),),
                policies=policies,
                inline_policy=self._given.inline_policy,
            )
            for namespace, _, name in (text.partition("/") for text in names)
        )

    def _service_accounts(self, cluster: "ClusterFacts") -> tuple[str, ...]:
        from irsa.cli import detection

        def foreign_role(service_account: str) -> str | None:
            if self._given.uid:
                return None  # nobody looks
            with self._open_kube() as kube:
                return detection.foreign_role(kube, cluster.uid, service_account)

        complain = choices.service_account_complaint(cluster.namespaces, foreign_role)
        question = Question(
            option="--service-account",
            text="ServiceAccount that gets a role, as namespace/name (Return: none yet)",
            complain=complain,
            suggestion="",
        )
        return self._some(question, self._given.service_accounts)

    def _policies(self, names: tuple[str, ...], complain: Complaint) -> tuple[str, ...]:
        given = self._given
        if not names:
            _refuse_without_role(given)
            return ()
        question = Question(
            option="--policy",
            text="ARN of a managed policy for its role (Return: none yet)",
            complain=complain,
            suggestion="",
        )
        if given.inline_policy is not None and not given.policies:
            return ()
        return self._some(question, given.policies)

    def _some(self, question: Question, given: tuple[str, ...]) -> tuple[str, ...]:
        """The options' values, or one answer, or none: not to answer is fine."""
        if given or not self._interview.can_ask:
            return tuple(check(question.option, text, question.complain) for text in given)
        answer = ask(replace(question, complain=choices.optional(question.complain)))
        return (answer,) if answer else ()


def _text(config: "Config", cluster: "ClusterFacts", directory: Path) -> str:
    from irsa.arns import partition_of
    from irsa.cli.render import init as render
    from irsa.config import template

    remarks = [f"yaml-language-server: $schema={SCHEMA_FILE}", render.remark(cluster)]
    if not (directory / SCHEMA_FILE).exists():
        remarks[0] = f"Editors complete and check this file after: irsa schema > {SCHEMA_FILE}"
    return template.render(config, remarks=remarks, partition=partition_of(config.aws.region).name)


def _refuse_without_role(given: Given) -> None:
    options = {"--policy": given.policies, "--inline-policy": given.inline_policy}
    for option, value in options.items():
        if value:
            raise InputError(
                f"{option} is for the role of a ServiceAccount, and there is none",
                hint="name it with --service-account NAMESPACE/NAME",
            )
