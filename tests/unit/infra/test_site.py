"""The static site's template: a private bucket, strict headers, and the broker under the same domain on request."""

import re
from functools import cache
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.aws.template import sections_of
from tests.kit.deployed import ROOT

TEXT = (ROOT / "infra/site.yaml").read_text()
PARAMETERS: dict[str, Any] = yaml_parse(TEXT)["Parameters"]
DOMAIN = {
    "DomainName": "www.example.com",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
}
WEB_ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/site/1"


@cache
def _resources(parameters: frozenset[tuple[str, str]]) -> dict[str, Any]:
    return sections_of(TEXT, dict(parameters))["Resources"]


def properties(name: str, **parameters: str) -> dict[str, Any]:
    return dict(_resources(frozenset(parameters.items()))[name]["Properties"])


def distribution(**parameters: str) -> dict[str, Any]:
    return dict(properties("Distribution", **parameters)["DistributionConfig"])


def headers(**parameters: str) -> dict[str, Any]:
    return dict(properties("SecurityHeaders", **parameters)["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"])


def content_policy(**parameters: str) -> dict[str, list[str]]:
    """The sources by directive."""
    text = headers(**parameters)["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    return {name: sources for name, *sources in (part.split() for part in text.split(";"))}


def statement(sid: str) -> dict[str, Any]:
    (found,) = (each for each in properties("FilesPolicy")["PolicyDocument"]["Statement"] if each["Sid"] == sid)
    return dict(found)


def test_the_bucket_is_closed_to_the_public_in_every_way() -> None:
    bucket = properties("Files")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert "WebsiteConfiguration" not in bucket


def test_this_distribution_alone_reads_the_bucket_and_nobody_writes_it() -> None:
    reads = statement("ThisDistributionReads")
    assert (reads["Principal"], reads["Action"]) == ({"Service": "cloudfront.amazonaws.com"}, "s3:GetObject")
    arn = "arn:aws:cloudfront::123456789012:distribution/Distribution"
    assert reads["Condition"] == {"StringEquals": {"AWS:SourceArn": arn}}
    policy = properties("FilesPolicy")["PolicyDocument"]["Statement"]
    assert [each["Sid"] for each in policy if each["Effect"] == "Allow"] == ["ThisDistributionReads"]


def test_the_bucket_refuses_requests_without_tls() -> None:
    denied = statement("NothingInTheClear")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (denied["Effect"], denied["Action"], denied["Principal"]) == ("Deny", "s3:*", "*")
    assert len(denied["Resource"]) == 2


def test_cloudfront_signs_every_request_to_the_bucket() -> None:
    control = properties("AccessControl")["OriginAccessControlConfig"]
    assert (control["SigningBehavior"], control["SigningProtocol"]) == ("always", "sigv4")
    (files,) = distribution()["Origins"]
    assert (files["OriginAccessControlId"], files["S3OriginConfig"]) == (
        "AccessControl",
        {"OriginAccessIdentity": ""},
    )


def test_pages_come_by_https_alone_with_the_security_headers() -> None:
    behavior = distribution()["DefaultCacheBehavior"]
    assert behavior["ViewerProtocolPolicy"] == "redirect-to-https"
    assert behavior["ResponseHeadersPolicyId"] == "SecurityHeaders"
    assert "AllowedMethods" not in behavior  # GET and HEAD


def test_scripts_and_styles_come_from_the_site_alone_and_none_is_inline() -> None:
    policy = content_policy(CallsTo="https://login.example.com")
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == ["'self'"]
    assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "https:"} & {
        each for found in policy.values() for each in found
    }


@pytest.mark.parametrize(
    ("calls", "beside"),
    [
        ("", []),
        ("https://login.example.com", ["https://login.example.com"]),
        ("https://a.example,https://b.example:8443", ["https://a.example", "https://b.example:8443"]),
    ],
)
def test_pages_call_the_site_transloadit_and_the_origins_that_are_named(calls: str, beside: list[str]) -> None:
    assert content_policy(CallsTo=calls)["connect-src"] == ["'self'", "https://*.transloadit.com", *beside]


def test_every_security_header_is_set_whatever_the_origin_sends() -> None:
    found = headers()
    assert found["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31_536_000
    assert found["FrameOptions"]["FrameOption"] == "DENY"
    assert found["ReferrerPolicy"]["ReferrerPolicy"] == "no-referrer"
    assert "ContentTypeOptions" in found
    assert {each["Override"] for each in found.values()} == {True}


def test_without_a_broker_domain_the_site_has_no_route_to_the_broker() -> None:
    assert "CacheBehaviors" not in distribution()


def test_the_broker_answers_under_the_same_domain_with_authorization_and_without_a_cache() -> None:
    config = distribution(BrokerDomain="tokens.example.com")
    (broker,) = (each for each in config["Origins"] if each["Id"] == "broker")
    assert broker["DomainName"] == "tokens.example.com"
    assert broker["CustomOriginConfig"] == {"OriginProtocolPolicy": "https-only", "OriginSSLProtocols": ["TLSv1.2"]}
    assert [each["PathPattern"] for each in config["CacheBehaviors"]] == ["/token", "/signature"]
    for behavior in config["CacheBehaviors"]:
        assert behavior["TargetOriginId"] == "broker"
        assert behavior["ViewerProtocolPolicy"] == "https-only"
        assert "POST" in behavior["AllowedMethods"]
        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
        # and using-managed-origin-request-policies.html: CachingDisabled, AllViewerExceptHostHeader.
        assert behavior["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
        assert behavior["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-38738e2966ac"


def test_a_web_acl_stands_before_the_site_where_one_is_named() -> None:
    assert "WebACLId" not in distribution()
    assert distribution(WebAclArn=WEB_ACL)["WebACLId"] == WEB_ACL


def test_a_domain_of_its_own_comes_with_its_certificate_and_tls_1_2() -> None:
    assert not {"Aliases", "ViewerCertificate"} & distribution().keys()
    config = distribution(**DOMAIN)
    assert config["Aliases"] == ["www.example.com"]
    assert config["ViewerCertificate"] == {
        "AcmCertificateArn": DOMAIN["CertificateArn"],
        "MinimumProtocolVersion": "TLSv1.2_2021",
        "SslSupportMethod": "sni-only",
    }


@pytest.mark.parametrize(
    ("name", "value", "is_taken"),
    [
        ("BrokerDomain", "tokens.example.com", True),
        ("BrokerDomain", "abc123.execute-api.eu-central-1.amazonaws.com", True),
        ("BrokerDomain", "https://tokens.example.com", False),
        ("BrokerDomain", "tokens.example.com/token", False),
        ("CallsTo", "https://a.example,https://b.example:8443", True),
        ("CallsTo", "*", False),
        ("CallsTo", "https://*.example.com", False),
        ("CallsTo", "http://a.example", False),
        ("CallsTo", "https://a.example; script-src *", False),
        ("CallsTo", "https://a.example,", False),
        ("WebAclArn", WEB_ACL, True),
        ("WebAclArn", WEB_ACL.replace("global", "regional"), False),
        ("CertificateArn", DOMAIN["CertificateArn"], True),
        ("CertificateArn", DOMAIN["CertificateArn"].replace("us-east-1", "eu-central-1"), False),
    ],
)
def test_a_parameter_takes_what_its_place_can_bear(name: str, value: str, is_taken: bool) -> None:
    assert bool(re.fullmatch(PARAMETERS[name]["AllowedPattern"], value)) is is_taken
    assert re.fullmatch(PARAMETERS[name]["AllowedPattern"], PARAMETERS[name]["Default"])
