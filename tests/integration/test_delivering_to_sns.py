"""Amazon SNS: forms, their signatures, roles, and what the answers mean."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from monitor.model.notifications import Delivered, DeliveryOutcome, MessageKind, Rejected, RetryLater
from monitor.model.times import HOUR, MINUTE, rfc3339
from monitor.net.sigv4 import Credentials, signed
from monitor.notify.attempts import Repeats
from monitor.notify.kinds.aws import FORM, AwsKeys
from monitor.notify.kinds.sending import Sending
from monitor.notify.kinds.sns import Sns, SnsOptions
from tests.support.collector import Arrived, Collector, Reply, collecting
from tests.support.messages import T0, a_message
from tests.support.receivers import told
from tests.support.surroundings import around

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alerts"
KEYS = {"access_key": "AKID", "secret_key": "hush"}
GROUP = hashlib.sha256(b'{}:{service="shop-api"}').hexdigest()
_ALONE = {"AWS_EC2_METADATA_DISABLED": "true"}
"""No test asks the machine that it runs on."""
_ROLE = """<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{0}</AccessKeyId>
<SecretAccessKey>hush-{0}</SecretAccessKey><SessionToken>token-{0}</SessionToken></Credentials></AssumeRoleResult></AssumeRoleResponse>"""


async def sent(
    vendor: Collector,
    given: Mapping[str, object],
    *kinds: MessageKind,
    environment: Mapping[str, str] | None = None,
) -> list[DeliveryOutcome]:
    """The outcome of each message, all by one kind."""
    outcomes: list[DeliveryOutcome] = []
    async with around() as place:
        one = told(place, "sns_configs", {"api_url": vendor.url, **given})
        kind = Sns(place.surroundings, AwsKeys({**_ALONE, **(environment or {})}))
        for number, what in enumerate(kinds or (MessageKind.TRIGGER,)):
            row = await one.row(a_message(what, of_incident=False), f"r{number}")
            outcomes.append(await kind.deliver(Sending(row=row, options=one.options, now=T0)))
    return outcomes


def form(arrived: Arrived) -> dict[str, str]:
    return dict(parse_qsl(arrived.body.decode(), keep_blank_values=True))


def is_signed(arrived: Arrived, url: str, keys: Credentials, service: str = "sns") -> bool:
    """Is the signature that of these keys, over what arrived?"""
    again = signed("POST", url, FORM, arrived.body, credentials=keys, region="eu-west-1", service=service, now=T0)
    return arrived.headers["Authorization"] == again["Authorization"]


def test_a_signature_is_that_of_amazons_own_example() -> None:
    """The request of the vendor's test suite, get-vanilla-query-order-key-case, with its published signature."""
    at = 1_440_938_160_000
    headers = signed(
        "GET",
        "https://example.amazonaws.com/?Param2=value2&Param1=value1",
        {},
        b"",
        credentials=Credentials(access_key="AKIDEXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        region="us-east-1",
        service="service",
        now=at,
    )
    assert headers["X-Amz-Date"] == "20150830T123600Z"
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    )


async def test_a_topic_gets_the_message_its_subject_and_its_attributes() -> None:
    """Signed for the region of the topic, if none is named."""
    given = {"topic_arn": TOPIC, "sigv4": KEYS, "attributes": {"team": "{{ .CommonLabels.service }}"}, "message": "m"}
    async with collecting() as vendor:
        assert await sent(vendor, given) == [Delivered()]
        assert form(vendor.last) == {
            "Action": "Publish",
            "Version": "2010-03-31",
            "TopicArn": TOPIC,
            "Message": "m",
            "Subject": "[FIRING:1] shop-api (ServiceDown critical)",
            "MessageAttributes.entry.1.Name": "team",
            "MessageAttributes.entry.1.Value.DataType": "String",
            "MessageAttributes.entry.1.Value.StringValue": "shop-api",
        }
        assert is_signed(vendor.last, vendor.url, Credentials(access_key="AKID", secret_key="hush"))
        assert not is_signed(vendor.last, vendor.url, Credentials(access_key="AKID", secret_key="other"))


GIVEN = {"AccessKeyId": "GIVEN", "SecretAccessKey": "hush", "Token": "hush-token"}


async def test_a_container_gives_keys_that_are_kept_until_shortly_before_their_end(tmp_path: Path) -> None:
    """With the token that its environment names; and a container that does not answer is waited for."""
    token = tmp_path / "token"
    token.write_text("hush-container\n")
    lasting, ending = ({**GIVEN, "Expiration": rfc3339(T0 + span)} for span in (HOUR, MINUTE))
    async with collecting() as vendor, collecting() as container:
        environment = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{container.url}/keys",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
            "HOME": str(tmp_path),
        }
        container.answer(Reply(body=lasting), Reply(body=ending), Reply(body=ending), Reply(body="<html>"))
        three = (MessageKind.TRIGGER,) * 3
        given = {"topic_arn": TOPIC}
        assert await sent(vendor, given, *three, environment=environment) == [Delivered()] * 3
        assert container.lines() == ["GET /keys"]
        assert container.last.headers["Authorization"] == "hush-container"
        keys = Credentials(access_key="GIVEN", secret_key="hush", token="hush-token")
        assert is_signed(vendor.last, vendor.url, keys)
        await sent(vendor, given, *three[:2], environment=environment)
        assert len(container.arrived) == 3
        broken = await sent(vendor, given, environment=environment)
    assert broken == [RetryLater("no AWS credentials: where they are given the answer was 200")]
    gone = await sent(vendor, given, environment=environment)
    assert gone == [RetryLater("the container's credentials are not answered")]
    assert "hush" not in repr((broken, gone))


async def test_a_machine_gives_keys_for_a_token_only(tmp_path: Path) -> None:
    """Two steps and the role's name; a machine without a role leaves us without keys."""
    async with collecting() as vendor, collecting() as machine:
        environment = {
            "AWS_EC2_METADATA_DISABLED": "",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": machine.url,
            "HOME": str(tmp_path),
        }
        ended = {**GIVEN, "Expiration": rfc3339(T0 + HOUR)}
        machine.answer(Reply(body="session\n"), Reply(body="shop role\n"), Reply(body=ended))
        assert await sent(vendor, {"topic_arn": TOPIC}, environment=environment) == [Delivered()]
        folder = "/latest/meta-data/iam/security-credentials/"
        assert machine.lines() == ["PUT /latest/api/token", f"GET {folder}", f"GET {folder}shop%20role"]
        assert [one.headers.get("X-aws-ec2-metadata-token") for one in machine.arrived] == [None, "session", "session"]
        machine.answer(Reply(body="session"), Reply(status=404), Reply(status=403))
        for _ in range(2):
            (without,) = await sent(vendor, {"topic_arn": TOPIC}, environment=environment)
            assert isinstance(without, RetryLater)
            assert "or run where a role is given" in without.why


async def test_the_address_is_rendered_at_the_send_and_not_kept_with_the_row() -> None:
    """It may hold a secret, and rows are stored."""
    given = {"topic_arn": TOPIC, "sigv4": KEYS}
    async with collecting() as vendor, around() as place:
        url = f"{vendor.url}/s3cret/{{{{ .CommonLabels.service }}}}"
        one = told(place, "sns_configs", {**given, "api_url": url})
        row = await one.row(a_message(of_incident=False))
        outcome = await Sns(place.surroundings, AwsKeys({})).deliver(Sending(row=row, options=one.options, now=T0))
        assert isinstance(outcome, Delivered)
        assert vendor.lines() == ["POST /s3cret/shop-api"]
    assert "s3cret" not in repr(row)


async def test_an_ordered_topic_drops_repetitions_of_a_message_but_no_resolve() -> None:
    """All of a group in one line; what is recognised is the notification."""
    given = {"topic_arn": f"{TOPIC}.fifo", "sigv4": KEYS}
    async with collecting() as vendor:
        await sent(vendor, given, MessageKind.TRIGGER, MessageKind.RESOLVE)
        first, second = map(form, vendor.arrived)
        assert first["MessageGroupId"] == second["MessageGroupId"] == GROUP
        assert first["MessageDeduplicationId"] == hashlib.sha256(b"r0").hexdigest()
        assert first["MessageDeduplicationId"] != second["MessageDeduplicationId"]
    async with around() as place:
        kind = Sns(place.surroundings)
        ordered = told(place, "sns_configs", given).options
        plain = told(place, "sns_configs", {"topic_arn": TOPIC, "sigv4": KEYS}).options
        assert (kind.repeats(ordered), kind.repeats(plain)) == (Repeats.HARMLESS, Repeats.VISIBLE)


@pytest.mark.parametrize(
    ("target", "size", "length"),
    [({"phone_number": "+4930123456"}, 1600, 1600), ({"topic_arn": TOPIC}, 262_144, 131_072)],
    ids=["sms", "topic"],
)
async def test_long_messages_are_cut_and_say_so(target: dict[str, str], size: int, length: int) -> None:
    """A text message by characters, any other by bytes."""
    async with collecting() as vendor:
        given = {**target, "sigv4": {**KEYS, "region": "eu-west-1"}, "message": "ä" * size}
        await sent(vendor, {**given, "message": "ä" * (size + 1)})
        got = form(vendor.last)
        assert len(got["Message"]) == length
        assert got["MessageAttributes.entry.1.Name"] == "truncated"
        assert got["MessageAttributes.entry.1.Value.StringValue"] == "true"
        assert ("Subject" in got) is ("topic_arn" in target)


async def test_a_subject_is_one_short_line_of_ascii() -> None:
    """SNS would refuse all of it otherwise."""
    async with collecting() as vendor:
        await sent(vendor, {"topic_arn": TOPIC, "sigv4": KEYS, "subject": "zu\nvoll: ä " + "x" * 200})
        subject = form(vendor.last)["Subject"]
        assert subject.startswith("zu voll: ? xxx")
        assert len(subject) < 100


async def test_a_roles_keys_are_asked_for_once_and_again_when_they_have_ended() -> None:
    """With our own keys; what is published is signed with the role's, and carries its token."""
    async with collecting() as vendor, collecting() as service:
        service.answer(Reply(body=_ROLE.format("R1")), Reply(body=_ROLE.format("R2")))
        vendor.answer(Reply(), Reply(status=403, body="<Error><Code>ExpiredToken</Code></Error>"), Reply())
        given = {"topic_arn": TOPIC, "sigv4": {**KEYS, "role_arn": "arn:role", "external_id": "x"}}
        environment = {"AWS_ENDPOINT_URL_STS": service.url}
        outcomes = await sent(vendor, given, *(MessageKind.TRIGGER,) * 3, environment=environment)
        assert outcomes == [Delivered(), RetryLater("unexpected status code 403: ExpiredToken"), Delivered()]
        asked = form(service.arrived[0])
        assert (asked["Action"], asked["RoleArn"], asked["ExternalId"]) == ("AssumeRole", "arn:role", "x")
        assert is_signed(service.arrived[0], service.url, Credentials(access_key="AKID", secret_key="hush"), "sts")
        tokens = [one.headers["X-Amz-Security-Token"] for one in vendor.arrived]
        assert tokens == ["token-R1", "token-R1", "token-R2"]
        role = Credentials(access_key="R1", secret_key="hush-R1", token="token-R1")
        assert is_signed(vendor.arrived[0], vendor.url, role)
        assert "hush" not in repr(outcomes)


async def test_keys_come_from_the_environment_a_profile_or_a_pods_identity(tmp_path: Path) -> None:
    """Where the configuration names none; without any the outcome says what to set."""
    file = tmp_path / "credentials"
    file.write_text("[ops]\naws_access_key_id = FILED\naws_secret_access_key = hush\n")
    identity = tmp_path / "identity"
    identity.write_text("signed-by-the-cluster\n")
    async with collecting() as vendor, collecting() as service:
        service.answer(Reply(body=_ROLE.format("POD")))
        given = {"topic_arn": TOPIC}
        await sent(vendor, given, environment={"AWS_ACCESS_KEY_ID": "ENVIRON", "AWS_SECRET_ACCESS_KEY": "hush"})
        profile = {**given, "sigv4": {"profile": "ops"}}
        await sent(vendor, profile, environment={"AWS_SHARED_CREDENTIALS_FILE": str(file)})
        pod = {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(identity),
            "AWS_ROLE_ARN": "arn:pod",
            "AWS_ENDPOINT_URL_STS": service.url,
            "HOME": str(tmp_path),
        }
        await sent(vendor, given, environment=pod)
        used = [re.findall(r"Credential=(\w+)/", one.headers["Authorization"])[0] for one in vendor.arrived]
        assert used == ["ENVIRON", "FILED", "POD"]
        assert form(service.last)["WebIdentityToken"] == "signed-by-the-cluster"
        nothing = await sent(vendor, given, environment={"HOME": str(tmp_path)})
        other = await sent(vendor, profile, environment={"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")})
        assert isinstance(nothing[0], RetryLater)
        assert "sigv4.access_key" in nothing[0].why
        assert other == [RetryLater(f"the AWS profile ops cannot be read from {tmp_path / 'none'}")]


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "InvalidParameter", Rejected("unexpected status code 400: InvalidParameter")),
        (400, "Throttling", RetryLater("unexpected status code 400: Throttling")),
        (403, "AuthorizationError", Rejected("unexpected status code 403: AuthorizationError")),
        (404, "", Rejected("unexpected status code 404")),
        (500, "InternalError", RetryLater("unexpected status code 500")),
    ],
)
async def test_what_an_answer_means(status: int, code: str, expected: DeliveryOutcome) -> None:
    """Throttling comes as a mistake of ours; the code is told, the rest of the answer is not."""
    async with collecting() as vendor:
        body = f"<Error><Code>{code}</Code><Message>hush</Message></Error>" if code else "hush"
        vendor.answer(Reply(status=status, body=body))
        assert await sent(vendor, {"topic_arn": TOPIC, "sigv4": KEYS}) == [expected]


def test_options_show_no_key() -> None:
    """Nor do keys that were asked for."""
    shown = repr((Credentials(access_key="A", secret_key="hush", token="hush"), SnsOptions))
    assert "hush" not in shown
    assert replace(Credentials(access_key="A", secret_key="hush"), access_key="B").access_key == "B"
