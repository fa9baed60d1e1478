"""The two documents of the issuer."""

from dataclasses import replace

import pytest
from tests.fakes.aws import RefusalError
from tests.fakes.cluster import OLD_KEY, SIGNING_KEY
from tests.fakes.stage import BUCKET

from irsa.errors import RefusedError, WebError
from irsa.identity import discovery, jwks
from irsa.identity.keys import KeyKind, SigningKey


def _published(stage, key="keys.json"):
    return stage.aws._current(stage.aws.buckets[BUCKET], key)


def test_a_published_key_is_never_dropped(stage):
    """Tokens that it signed are still alive."""
    stage.apply(keys=(OLD_KEY.public,))
    stage.apply(keys=(SIGNING_KEY.public,))
    kids = {key.kid for key in jwks.parse(_published(stage)["Body"], "it")}
    assert kids == {OLD_KEY.public.kid, SIGNING_KEY.public.kid}


def test_they_are_json_and_cached_for_a_short_time(stage):
    """A rotation must not wait for caches."""
    stage.apply()
    assert _published(stage)["ContentType"] == "application/json"
    assert _published(stage)["CacheControl"] == "public, max-age=300"


def test_the_discovery_document_names_the_issuer(stage):
    """Byte for byte the URL that the tokens will carry."""
    stage.apply()
    body = _published(stage, ".well-known/openid-configuration")["Body"]
    assert str(discovery.parse(body, "it").issuer) == str(stage.wish.config.issuer_url)


def test_two_people_cannot_undo_each_other(stage):
    """What was written after it was read is not overwritten."""
    stage.apply()
    plan = stage.plan(keys=(OLD_KEY.public,))
    other = SigningKey.generate(KeyKind.ec_p384).public
    stage.apply(keys=(other,))
    stage.run(plan)
    published = jwks.parse(_published(stage)["Body"], "it")
    assert {key.kid for key in (SIGNING_KEY.public, OLD_KEY.public, other)} == {
        key.kid for key in published
    }
    assert stage.plan(keys=(OLD_KEY.public,)).changes == ()


def test_a_jwks_that_nobody_understands_is_not_replaced(stage):
    """It may hold keys that tokens are verified with."""
    stage.apply()
    _published(stage)["Body"] = b"oops"
    with pytest.raises(RefusedError, match="cannot be understood"):
        stage.plan()


def test_no_provider_without_readable_documents(stage):
    """The provider is made only after they were read back from outside."""
    stage.aws.failures["s3:PutBucketPolicy"] = []
    plan = stage.plan()
    world = replace(stage.world, web=_Unreachable())
    from irsa.provision.apply import run

    with pytest.raises(WebError, match=r"not public after 120 s: .* answers 403"):
        list(run(plan, world))
    assert stage.aws.providers == {}


def test_a_reader_that_gets_them_late_is_waited_for(stage):
    """And what is missing is said, once."""
    from irsa.provision.apply import run

    web = _Late(stage.world.web, failures=3)
    list(run(stage.plan(), replace(stage.world, web=web)))
    assert sum("answers 403" in line for line in stage.said) == 1
    assert len(stage.aws.providers) == 1


def test_a_destroy_removes_every_version(stage):
    """Also the older ones, which a versioned bucket keeps."""
    stage.apply(keys=(OLD_KEY.public,))
    stage.apply()
    assert len(stage.aws.buckets[BUCKET].versions) > 2
    stage.destroy(delete_bucket=False)
    assert stage.aws.buckets[BUCKET].versions == []


def test_a_vanished_version_is_no_error(stage):
    """Somebody else was faster; the aim is reached."""
    stage.apply()
    stage.aws.failures["s3:DeleteObject"] = [RefusalError("NoSuchVersion")]
    stage.destroy(delete_bucket=False)


class _Unreachable:
    def get(self, url):
        from irsa.web import Document

        return Document(url=url, status=403, content_type="application/xml", body=b"")


class _Late(_Unreachable):
    def __init__(self, web, *, failures):
        self._web, self._failures = web, failures

    def get(self, url):
        self._failures -= 1
        return super().get(url) if self._failures >= 0 else self._web.get(url)
