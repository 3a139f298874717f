"""Receivers with an `http_config`: proxies, tokens, headers, certificates, redirects, against servers that look."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.alerts.templating.options import NotificationTemplates
from monitor.app.texts import LateTexts
from monitor.model.notifications import Delivered, DeliveryOutcome, Rejected, RetryLater, Unknown
from monitor.net.http_config import Authorization, Header, HttpClient, OAuth2
from monitor.net.tls import Trust
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.slack import Slack, SlackOptions
from monitor.notify.kinds.webhook import Webhook, WebhookOptions
from tests.support.certificates import Authority
from tests.support.collector import Reply, collecting
from tests.support.messages import a_row
from tests.support.surroundings import around, sending


async def told(url: str, client: HttpClient | None = None, *, within: int = 0, file: str = "") -> DeliveryOutcome:
    """What became of a notification to this address, with a client or a file that holds the address."""
    options = WebhookOptions(
        url=SecretSource.file(file) if file else SecretSource(url),
        client=client if client is not None else HttpClient(),
        timeout=within,
    )
    async with around() as place:
        return await Webhook(place.surroundings).deliver(sending(a_row(of_incident=False), options))


async def test_a_proxy_sees_the_whole_address_unless_the_host_is_named_in_no_proxy() -> None:
    """As with Prometheus's client: plain HTTP is asked of the proxy."""
    async with collecting() as proxy:
        assert await told("http://hooks.example/a?b=1", HttpClient(proxy_url=proxy.url)) == Delivered()
        assert proxy.last.headers["Host"] == "hooks.example"
        past = HttpClient(proxy_url=proxy.url, no_proxy="hooks.invalid")
        assert isinstance(await told("http://hooks.invalid/a", past), RetryLater)
        assert len(proxy.arrived) == 1


async def test_a_proxy_that_refuses_to_connect_has_passed_nothing_on() -> None:
    """So another attempt cannot double anything; the headers for it go with CONNECT."""
    async with collecting() as proxy:
        proxy.answer(Reply(status=407))
        client = HttpClient(proxy_url=proxy.url, proxy_headers=(("X-Pass", "word"),))
        outcome = await told("https://hooks.example/token-x", client)
        assert outcome == RetryLater("no connection: the proxy answered 407")
        assert (proxy.last.method, proxy.last.headers["X-Pass"]) == ("CONNECT", "word")


async def test_credentials_and_headers_are_read_from_their_files_at_each_send(tmp_path: Path) -> None:
    """A rotated password counts from the next attempt on; one that is gone is waited for."""
    password, tenant = tmp_path / "password", tmp_path / "tenant"
    tenant.write_text("two\n")
    client = HttpClient(
        authorization=Authorization(type="Basic", username="ana", secret_file=str(password)),
        more_headers=(Header(name="X-Tenant", values=("one",), files=(str(tenant),)),),
    )
    async with collecting() as hook:
        gone = await told(hook.url, client)
        password.write_text("first\n")
        await told(hook.url, client)
        password.write_text("second\n")
        await told(hook.url, client)
        assert gone == RetryLater(f"cannot read the secret from {password}: FileNotFoundError")
        sent = [one.headers["Authorization"] for one in hook.arrived]
        assert sent == ["Basic YW5hOmZpcnN0", "Basic YW5hOnNlY29uZA=="]


async def test_a_slack_bot_goes_the_same_ways(tmp_path: Path) -> None:
    """Through the proxy, with headers from files; its own token stands in the header, and no answer tells it on."""
    tenant = tmp_path / "tenant"
    tenant.write_text("two\n")
    header = Header(name="X-Tenant", files=(str(tenant),))
    async with collecting() as proxy, around() as place:
        client = HttpClient(
            proxy_url=proxy.url, more_headers=(header,), authorization=Authorization(secret="another-word")
        )
        options = SlackOptions(
            token=SecretSource("xoxb-s3cret"), channel="#a", base_url="http://slack.example/api/", client=client
        )
        proxy.answer(
            Reply(body={"ok": True, "channel": "C1", "ts": "1.2"}),
            Reply(body={"ok": False, "error": "no xoxb-s3cret here"}),
            Reply(status=503, body="xoxb-s3cret"),
            Reply(body="xoxb-s3cret"),
        )
        outcomes = [
            await Slack(place.surroundings).deliver(sending(a_row(of_incident=False), options)) for _ in range(4)
        ]
    assert outcomes[0] == Delivered("C1/1.2")
    assert outcomes[1] == Rejected("chat.postMessage: no <secret> here")
    assert outcomes[2:] == [
        Unknown("unexpected status code 503"),
        Unknown("chat.postMessage: the answer was not one of Slack's"),
    ]
    first = proxy.arrived[0]
    assert (first.path, first.headers["Host"]) == ("/api/chat.postMessage", "slack.example")
    assert (first.headers["Authorization"], first.headers["X-Tenant"]) == ("Bearer xoxb-s3cret", "two")


async def test_a_header_that_only_looks_like_a_password_does_not_undo_a_delivery() -> None:
    """What comes after the answer must not make a failure of it."""
    client = HttpClient(more_headers=(Header(name="X-Key", values=("Basic abc",)),))
    async with collecting() as hook:
        assert await told(hook.url, client) == Delivered()


async def test_a_token_is_asked_for_and_a_token_server_that_is_down_leaves_nothing_unclear() -> None:
    """Nothing was sent to the receiver itself."""
    async with collecting() as hook:
        hook.always("/token", Reply(body={"access_token": "t1", "token_type": "bearer", "expires_in": 3600}))
        client = HttpClient(oauth2=OAuth2(client_id="me", token_url=f"{hook.url}/token", secret="s3cret"))
        assert await told(f"{hook.url}/hook", client) == Delivered()
        assert (hook.last.path, hook.last.headers["Authorization"]) == ("/hook", "Bearer t1")
        hook.always("/token", Reply(status=503))
        down = await told(f"{hook.url}/hook", client)
        nobody = HttpClient(oauth2=OAuth2(client_id="me", token_url="http://127.0.0.1:1/token", secret="s3cret"))
        lost = await told(f"{hook.url}/hook", nobody)
        assert isinstance(down, RetryLater)
        assert isinstance(lost, RetryLater)
        assert "s3cret" not in repr((client, down, lost))
        assert len([one for one in hook.arrived if one.path == "/hook"]) == 1


async def test_certificates_count_as_tls_config_says(tmp_path: Path) -> None:
    """An authority of one's own is believed where it is named, and nowhere else."""
    authority = Authority(tmp_path)
    async with collecting(authority.server("127.0.0.1")) as hook:
        assert await told(hook.url) == RetryLater("no connection: the certificate is not trusted")
        assert await told(hook.url, HttpClient(trust=Trust(ca_file=authority.file))) == Delivered()
        assert await told(hook.url, HttpClient(trust=Trust(verify=False))) == Delivered()
        missing = await told(hook.url, HttpClient(trust=Trust(ca_file=str(tmp_path / "none"))))
        assert isinstance(missing, RetryLater)
        other = HttpClient(trust=Trust(ca_file=authority.file, server_name="other.example"))
        assert isinstance(await told(hook.url, other), RetryLater)


async def test_our_own_certificate_may_stand_in_the_configuration_itself(tmp_path: Path) -> None:
    """Wholly, or its key in a file; neither is shown."""
    authority = Authority(tmp_path)
    pem = authority.client_pem()
    key, chain = _halves(pem)
    key_file = tmp_path / "key.pem"
    key_file.write_text(key)
    async with collecting(authority.server("127.0.0.1", client_ca=True)) as hook:
        inline = Trust(ca_file=authority.file, cert=chain, key=key)
        halves = Trust(ca_file=authority.file, cert=chain, key_file=str(key_file))
        files = Trust(ca_file=authority.file, cert_file=pem)
        for trust in (inline, halves, files):
            assert await told(hook.url, HttpClient(trust=trust)) == Delivered()
        assert not isinstance(await told(hook.url, HttpClient(trust=Trust(ca_file=authority.file))), Delivered)
        wrong = HttpClient(trust=Trust(ca_file=authority.file, cert="no", key="hush"))
        refused = await told(hook.url, wrong)
        assert isinstance(refused, RetryLater)
        assert "hush" not in repr((refused, wrong))


@pytest.mark.parametrize(("status", "method"), [(307, "POST"), (308, "POST"), (302, "GET")])
async def test_redirects_are_followed_as_go_does(status: int, method: str) -> None:
    """The body goes along with 307 and 308; without follow_redirects the answer itself counts."""
    async with collecting() as hook:
        hook.always("/old", Reply(status=status, headers={"Location": "/new"}))
        assert await told(f"{hook.url}/old") == Delivered()
        assert (hook.last.path, hook.last.method) == ("/new", method)
        if method == "POST":
            assert json.loads(hook.last.body)["version"] == "4"
        stays = HttpClient(follow_redirects=False)
        assert await told(f"{hook.url}/old", stays) == Rejected(f"unexpected status code {status}")


async def test_a_receivers_own_timeout_ends_an_attempt() -> None:
    """Whether the body was read cannot be known then."""
    async with collecting() as hook:
        hook.answer(Reply(after=1.0))
        assert await told(hook.url, within=50) == Unknown("no answer within 50ms")


async def test_an_address_may_be_a_template_and_is_rendered_at_each_send(tmp_path: Path) -> None:
    """Also one in a file; a template that fails tells nothing of the address."""
    path = tmp_path / "url"
    async with collecting() as hook:
        path.write_text(f"{hook.url}/hush/{{{{ .GroupLabels.service }}}}\n")
        assert await told("", file=str(path)) == Delivered()
        assert hook.last.path == "/hush/shop-api"
        broken = await told(f"{hook.url}/hush/{{{{ .Nothing }}}}")
        empty = await told('{{ "" }}')
        assert broken == Rejected("the template of the address failed")
        assert empty == Rejected("the address is empty")


def test_late_texts_follow_the_configuration_in_force() -> None:
    """After a reload the named templates are those of the new files."""
    files = [(("a.tmpl", '{{ define "host" }}one{{ end }}'),), (("a.tmpl", '{{ define "host" }}two{{ end }}'),)]
    templates = [NotificationTemplates(files=each) for each in files]
    late = LateTexts(lambda: templates[0])
    message = a_row(of_incident=False).message
    first = late('{{ template "host" . }}', message)
    del templates[0]
    assert (first, late('{{ template "host" . }}', message)) == ("one", "two")


def _halves(pem: str) -> tuple[str, str]:
    """Key and certificates."""
    key, marker, chain = Path(pem).read_text().partition("-----BEGIN CERTIFICATE-----")
    return key, marker + chain
