"""IAM Identity Center, what a log-in is good for: `portal.sso.REGION.amazonaws.com`."""

import json

import pytest
from tests.aws.local_account import ACCOUNT, allow, policy, refused
from tests.aws.sign_on import Person

PATH = "/aws-reserved/sso.amazonaws.com/"


@pytest.fixture(name="token")
def _token(person):
    """Somebody is logged in."""
    return person.token()["accessToken"]


@pytest.fixture(name="permission_set")
def _permission_set(iam, name):
    """A function that makes one, by its role; they go again, since tests list them."""
    made = []
    shipped = iam.list_roles(PathPrefix=PATH)["Roles"][0]

    def make(*statements, trust=shipped["AssumeRolePolicyDocument"], path=PATH, digits="0" * 16):
        role = f"AWSReservedSSO_{name}_{digits}"
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust), Path=path)
        made.append(role)
        for text in [policy(*statements)] if statements else []:
            iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=text)
        return name

    yield make
    for role in made:
        for held in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            iam.delete_role_policy(RoleName=role, PolicyName=held)
        iam.delete_role(RoleName=role)


def test_the_credentials_are_a_session_of_the_permission_sets_role(aws, person, token):
    """Named after the user; for an hour, told in milliseconds."""
    found = person.credentials(token)
    ends = aws.clock().timestamp() + 3600
    assert ends - 60 < found["expiration"] / 1000 <= ends
    identity = aws.client("sts", keys=person.keys(token)).get_caller_identity()
    role, _, user = identity["Arn"].partition(":assumed-role/")[2].partition("/")
    assert role.startswith("AWSReservedSSO_AdministratorAccess_")
    assert user == "developer@example.com"
    assert identity["UserId"].endswith(":developer@example.com")


def test_they_may_do_what_the_permission_set_may(aws, person, token, permission_set, bucket):
    """Its policies are judged as any role's, at the time of the call."""
    wanted = permission_set(allow("s3:ListBucket", f"arn:aws:s3:::{bucket}"))
    s3 = aws.client("s3", keys=person.keys(token, roleName=wanted))
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    with refused("AccessDenied", status=403):
        s3.put_object(Bucket=bucket, Key="x", Body=b"")


def test_they_end_after_an_hour(aws, person, token):
    """As every session."""
    sts = aws.client("sts", keys=person.keys(token))
    with aws.clock.moved(seconds=3601), refused("ExpiredToken"):
        sts.get_caller_identity()


def test_they_say_who_vouches_for_them(aws, person, token, permission_set, bucket):
    """The condition key of federated sessions."""
    provider = f"arn:aws:iam::{ACCOUNT}:saml-provider/AWSSSO_local_DO_NOT_DELETE"
    condition = {"StringEquals": {"aws:FederatedProvider": provider}}
    wanted = permission_set(allow("s3:ListBucket", Condition=condition))
    s3 = aws.client("s3", keys=person.keys(token, roleName=wanted))
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("token", ["unknown", ""])
def test_a_token_must_be_known(person, token):
    """Everywhere."""
    refusal = {"saying": "Session token not found or invalid", "status": 401}
    with refused("UnauthorizedException", **refusal):
        person.credentials(token)
    with refused("UnauthorizedException", **refusal):
        person.portal.list_accounts(accessToken=token)
    with refused("UnauthorizedException", **refusal):
        person.portal.list_account_roles(accessToken=token, accountId=ACCOUNT)
    with refused("UnauthorizedException", **refusal):
        person.portal.logout(accessToken=token)


def test_a_token_must_be_there(aws):
    """Nobody in particular gets nothing."""
    with aws.web() as web:
        answer = web.get("https://portal.sso.eu-west-1.amazonaws.com/assignment/accounts")
    assert (answer.status_code, answer.json()["__type"]) == (401, "UnauthorizedException")


def test_a_token_is_good_in_its_region(aws, token):
    """Another region knows nothing of it."""
    with refused("UnauthorizedException", status=401):
        Person(aws, region="eu-central-1").credentials(token)


def test_a_log_out_ends_every_token_of_the_session(aws, person):
    """Refresh tokens too; credentials that were given out go on until their time."""
    client = person.register()
    token = person.token(client)
    second = person.refresh(client, token["refreshToken"])["accessToken"]
    other = person.token(client)["accessToken"]
    sts = aws.client("sts", keys=person.keys(token["accessToken"]))
    person.portal.logout(accessToken=second)
    for ended in (token["accessToken"], second):
        with refused("UnauthorizedException", status=401):
            person.credentials(ended)
    with refused("InvalidGrantException"):
        person.refresh(client, token["refreshToken"])
    assert sts.get_caller_identity()
    assert person.credentials(other)


@pytest.mark.parametrize(
    "wanted",
    [{"roleName": "Missing"}, {"accountId": "999999999999"}],
    ids=["role", "account"],
)
def test_what_nobody_assigned_is_forbidden(person, token, wanted):
    """A role or an account that is not the user's."""
    with refused("ForbiddenException", saying="No access", status=403):
        person.credentials(token, **wanted)


def test_other_accounts_have_no_roles_to_list(person, token):
    """Nor are they told apart from those that are not there."""
    with refused("ForbiddenException", status=403):
        person.portal.list_account_roles(accessToken=token, accountId="999999999999")


@pytest.mark.parametrize("wanted", [{"accountId": "1"}, {"accountId": None}, {"roleName": None}])
def test_a_request_must_be_whole(aws, token, wanted):
    """An account has twelve digits."""
    asked = {"account_id": ACCOUNT, "role_name": "AdministratorAccess"}
    names = {"accountId": "account_id", "roleName": "role_name"}
    for name, value in wanted.items():
        asked[names[name]] = value
    query = {name: value for name, value in asked.items() if value is not None}
    with aws.web() as web:
        answer = web.get(
            "https://portal.sso.eu-west-1.amazonaws.com/federation/credentials",
            params=query,
            headers={"x-amz-sso_bearer_token": token},
        )
    assert (answer.status_code, answer.json()["__type"]) == (400, "InvalidRequestException")


def test_a_role_by_another_name_is_no_permission_set(person, token, permission_set):
    """Sixteen digits end it."""
    wanted = permission_set(digits="abc")
    with refused("ForbiddenException"):
        person.credentials(token, roleName=wanted)


def test_a_role_elsewhere_is_no_permission_set(person, token, permission_set):
    """Whatever it is called."""
    wanted = permission_set(path="/mine/")
    with refused("ForbiddenException"):
        person.credentials(token, roleName=wanted)


def test_a_role_that_does_not_trust_it_is_no_permission_set(person, token, permission_set):
    """Its trust policy is looked at."""
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    wanted = permission_set(trust={"Version": "2012-10-17", "Statement": [trust]})
    with refused("ForbiddenException"):
        person.credentials(token, roleName=wanted)


def test_permission_sets_are_listed(person, token, permission_set):
    """Those that are there from the start, and others; page by page."""
    wanted = permission_set()
    pager = person.portal.get_paginator("list_account_roles")
    pages = pager.paginate(accessToken=token, accountId=ACCOUNT, PaginationConfig={"PageSize": 1})
    names = [one["roleName"] for page in pages for one in page["roleList"]]
    assert names == sorted({"AdministratorAccess", "ReadOnlyAccess", wanted})


@pytest.mark.parametrize("wanted", [{"maxResults": 0}, {"maxResults": 101}, {"nextToken": "x"}])
def test_pages_have_limits(person, token, wanted):
    """A hundred a page."""
    with refused("InvalidRequestException", status=400):
        person.portal.list_account_roles(accessToken=token, accountId=ACCOUNT, **wanted)


def test_a_page_has_a_number_of_items(aws, token):
    """Nothing else."""
    with aws.web() as web:
        answer = web.get(
            "https://portal.sso.eu-west-1.amazonaws.com/assignment/accounts",
            params={"max_result": "many"},
            headers={"x-amz-sso_bearer_token": token},
        )
    assert (answer.status_code, answer.json()["__type"]) == (400, "InvalidRequestException")


def test_the_account_is_listed(person, token):
    """The one that there is."""
    accounts = person.portal.list_accounts(accessToken=token)["accountList"]
    assert [one["accountId"] for one in accounts] == [ACCOUNT]


def test_an_account_without_permission_sets_is_not_listed(iam, person, token):
    """Nobody was assigned anything there; roles as they are seen now."""
    shipped = iam.list_roles(PathPrefix=PATH)["Roles"]
    nobody = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    shut = json.dumps({"Version": "2012-10-17", "Statement": [nobody]})
    for role in shipped:
        iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=shut)
    try:
        assert person.portal.list_accounts(accessToken=token)["accountList"] == []
    finally:
        for role in shipped:
            iam.update_assume_role_policy(
                RoleName=role["RoleName"],
                PolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]),
            )


def test_tokens_and_secrets_are_in_no_log(aws, person):
    """Neither those that came nor those that went."""
    client = person.register()
    token = person.token(client)
    keys = person.keys(token["accessToken"])
    log = json.dumps(aws.calls())
    secrets = [client["clientSecret"], token["accessToken"], token["refreshToken"], *keys]
    assert [one for one in secrets if one in log] == []
    assert aws.calls()[-1]["user"] == "developer@example.com"
