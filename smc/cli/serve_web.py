"""What `smc serve` shows to the web: keys, origins, a path, and certificates."""

from __future__ import annotations

import argparse
import json
import logging
import ssl
import sys
from typing import Any

from smc.errors import SettingsError


def app_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of `create_app`.

    Raises:
        SettingsError: One of them is malformed.
    """
    if not all(options.api_key):
        raise SettingsError("--api-key: got an empty one; expected some text.")
    if options.root_path and not options.root_path.startswith("/"):
        raise SettingsError(f"--root-path {options.root_path}: expected one such as /models.")
    if options.log_requests:
        _show_requests()
    return {
        "api_keys": options.api_key,
        "allowed_origins": _origins(options.allowed_origins),
        "root_path": options.root_path,
        "log_requests": options.log_requests,
    }


def tls_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the web server that have it speak TLS; {} where it does not.

    Raises:
        SettingsError: There is a key without a certificate, or a file cannot be used.
    """
    given = {
        "ssl_certfile": options.ssl_certfile,
        "ssl_keyfile": options.ssl_keyfile,
        "ssl_ca_certs": options.ssl_ca_certs,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        return {}
    if options.ssl_certfile is None:
        raise SettingsError(
            "--ssl-keyfile and --ssl-ca-certs go with a certificate: expected --ssl-certfile FILE."
        )
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.ssl_certfile, options.ssl_keyfile)
        if options.ssl_ca_certs is not None:
            context.load_verify_locations(options.ssl_ca_certs)
    except OSError as error:  # an SSLError is one
        raise SettingsError(
            f"--ssl-certfile {options.ssl_certfile}: cannot be used: {error}. Expected files of "
            "certificates in PEM, and the key of the first."
        ) from error
    if options.ssl_ca_certs is not None:
        given["ssl_cert_reqs"] = ssl.CERT_REQUIRED
    return given


def _origins(given: list[str]) -> list[str]:
    """Return origins, which may be given as vLLM takes them: a list in JSON."""
    if len(given) != 1 or not given[0].startswith("["):
        return given
    try:
        listed = json.loads(given[0])
    except ValueError:
        listed = None
    if not isinstance(listed, list) or not all(isinstance(origin, str) for origin in listed):
        raise SettingsError(f"--allowed-origins {given[0]}: expected origins, or a list in JSON.")
    return listed


def _show_requests() -> None:
    from smc.integrations.server import request_log

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    request_log.logger.addHandler(handler)
    request_log.logger.setLevel(logging.INFO)
    request_log.logger.propagate = False
