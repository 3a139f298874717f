"""The end of a certificate is read from its DER, as the real library reads it."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import pytest
import trustme
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.times import from_datetime
from monitor.net.tls import Contexts, Trust, not_after


@pytest.mark.parametrize("year", [2024, 2049, 2050, 2999])
def test_both_forms_of_time_are_read(year: int) -> None:
    """UTCTime before 2050, GeneralizedTime from then on."""
    end = datetime(year, 12, 31, 23, 59, 58, tzinfo=UTC)
    issued = trustme.CA().issue_cert("a.example", not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=end)
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    assert not_after(der) == from_datetime(x509.load_der_x509_certificate(der).not_valid_after_utc)


@given(st.binary(max_size=200))
def test_anything_else_is_a_value_error(data: bytes) -> None:
    """No other exception, whatever a peer presents."""
    with pytest.raises(ValueError, match=r"."):
        not_after(data)


def test_a_context_is_built_once_for_a_trust_setting() -> None:
    """Building one takes 15 ms."""
    contexts = Contexts()
    assert contexts.get(Trust(verify=False)) is contexts.get(Trust(verify=False))
    assert contexts.get(Trust(verify=False)) is not contexts.get(Trust(verify=False, min_version="TLS13"))


def test_a_wrong_trust_setting_is_refused() -> None:
    """Missing files and unknown versions."""
    with pytest.raises(OSError, match="missing"):
        Contexts().get(Trust(ca_file="/missing/ca.pem"))
    with pytest.raises(ValueError, match="TLS14"):
        Contexts().get(Trust(min_version="TLS14"))
