"""Objects: what is written is read, and conditions hold."""

import base64
import hashlib
import threading

import pytest
from botocore.exceptions import ClientError
from tests.aws.local_account import allow, refused


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_a_right_checksum_is_taken(s3, bucket, algorithm):
    """Every algorithm that clients send; the two without a library here are made by hand."""
    known = {"CRC32C": "4waSgw==", "CRC64NVME": "rosUhgp5mIg="}
    given = {f"Checksum{algorithm}": known[algorithm]} if algorithm in known else {}
    choice = {} if given else {"ChecksumAlgorithm": algorithm}
    s3.put_object(Bucket=bucket, Key="k", Body=b"123456789", **given, **choice)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"123456789"


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_a_wrong_checksum_is_refused(s3, bucket, algorithm):
    """The object is not written."""
    wrong = base64.b64encode(b"1234" if "32" in algorithm else b"12345678").decode()
    with refused("BadDigest"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **{f"Checksum{algorithm}": wrong})
    with refused("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="k")


def test_a_wrong_md5_is_refused(s3, bucket):
    """Content-MD5 counts too."""
    wrong = base64.b64encode(hashlib.md5(b"y", usedforsecurity=False).digest()).decode()
    with refused("BadDigest"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5=wrong)


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_bodies_of_every_size_come_back(s3, bucket, size):
    """With AWS's framing taken off, by a stream whose length the client does not say."""
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    s3.put_object(Bucket=bucket, Key="k", Body=data)
    found = s3.get_object(Bucket=bucket, Key="k")
    assert found["Body"].read() == data
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == size


@pytest.mark.parametrize(
    "key", ["a b+c", "ü/ñ", ".well-known/openid-configuration", "a//b", "x?y=z&w", "per%20cent"]
)
def test_keys_are_taken_as_they_are(s3, aws, bucket, key):
    """By virtual host and by path, with the same signature rules."""
    s3.put_object(Bucket=bucket, Key=key, Body=b"1", ContentType="application/json")
    path = aws.client("s3", s3={"addressing_style": "path"})
    found = path.get_object(Bucket=bucket, Key=key)
    assert (found["Body"].read(), found["ContentType"]) == (b"1", "application/json")
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [one["Key"] for one in listed] == [key]


def test_an_object_is_made_only_once(s3, bucket):
    """IfNoneMatch refuses the second."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")
    with refused("PreconditionFailed", status=412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")


def test_of_many_writers_one_wins(s3, bucket):
    """IfNoneMatch is atomic."""
    outcomes = []

    def write(number: int) -> None:
        try:
            s3.put_object(Bucket=bucket, Key="k", Body=str(number).encode(), IfNoneMatch="*")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])
        else:
            outcomes.append("written")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["PreconditionFailed"] * 7 + ["written"]


def test_an_object_is_changed_only_from_what_was_read(s3, bucket):
    """IfMatch refuses another ETag, and a missing object."""
    with refused("NoSuchKey", status=404):
        s3.put_object(Bucket=bucket, Key="k", Body=b"0", IfMatch='"none"')
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=first)
    with refused("PreconditionFailed", status=412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=first)


def test_what_does_not_exist_is_told_to_who_may_list(aws, user, s3, bucket):
    """Others get AccessDenied."""
    arn = f"arn:aws:s3:::{bucket}"
    reader = aws.client("s3", keys=user(allow("s3:GetObject", f"{arn}/*")))
    with refused("NoSuchKey", status=404):
        s3.get_object(Bucket=bucket, Key="none")
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="none")
    with refused("AccessDenied", status=403):
        reader.get_object(Bucket=bucket, Key="none")
    with refused("403"):
        reader.head_object(Bucket=bucket, Key="none")


def test_many_are_deleted_one_by_one(aws, user, s3, bucket):
    """Each key is allowed or refused by itself."""
    for key in ("mine/a", "theirs/b"):
        s3.put_object(Bucket=bucket, Key=key)
    arn = f"arn:aws:s3:::{bucket}/mine/*"
    limited = aws.client("s3", keys=user(allow("s3:DeleteObject", arn)))
    objects = [{"Key": "mine/a"}, {"Key": "theirs/b"}]
    answer = limited.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    assert [one["Key"] for one in answer["Deleted"]] == ["mine/a"]
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("theirs/b", "AccessDenied")]
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["theirs/b"]


def test_a_thousand_at_most_are_deleted_at_once(s3, bucket):
    """S3's own limit, and one at least."""
    s3.put_object(Bucket=bucket, Key="0")
    for count in (0, 1001):
        objects = [{"Key": str(number)} for number in range(count)]
        with refused("MalformedXML", status=400):
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    assert s3.head_object(Bucket=bucket, Key="0")


def test_metadata_and_tags_come_back(s3, bucket):
    """Headers of the object, and its tags."""
    s3.put_object(
        Bucket=bucket, Key="k", CacheControl="public, max-age=300", Metadata={"a": "b"},
        Tagging="t=1",
    )  # fmt: skip
    found = s3.head_object(Bucket=bucket, Key="k")
    assert (found["CacheControl"], found["Metadata"]) == ("public, max-age=300", {"a": "b"})
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert tags == [{"Key": "t", "Value": "1"}]


def test_a_copy_needs_to_read_and_to_write(aws, user, s3, bucket):
    """One without the other is refused."""
    s3.put_object(Bucket=bucket, Key="from", Body=b"1")
    arn = f"arn:aws:s3:::{bucket}"
    writer = aws.client("s3", keys=user(allow("s3:PutObject", f"{arn}/*")))
    with refused("AccessDenied", saying="s3:GetObject"):
        writer.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/from")
    s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/from")
    assert s3.get_object(Bucket=bucket, Key="to")["Body"].read() == b"1"


def test_a_large_object_may_come_in_parts(s3, bucket):
    """As the AWS CLI sends it from 8 MB on."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    tags = [
        s3.upload_part(**part, PartNumber=number, Body=body)["ETag"]
        for number, body in ((1, b"a" * (5 << 20)), (2, b"b"))
    ]
    parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, start=1)]
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": parts})
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == (5 << 20) + 1


def test_tags_with_an_object_need_a_permission_of_their_own(aws, user, bucket):
    """PutObject alone does not let them through."""
    limited = aws.client("s3", keys=user(allow("s3:PutObject")))
    limited.put_object(Bucket=bucket, Key="k")
    with refused("AccessDenied", saying="s3:PutObjectTagging"):
        limited.put_object(Bucket=bucket, Key="k", Tagging="a=b")


def test_many_are_not_deleted_without_a_digest(aws, bucket):
    """The list must be protected by a checksum."""
    body = "<Delete><Object><Key>k</Key></Object></Delete>"
    with aws.web() as web:
        answer = web.post(f"https://{bucket}.s3.eu-west-1.amazonaws.com/?delete", content=body)
    assert (answer.status_code, "Content-MD5" in answer.text) == (400, True)
