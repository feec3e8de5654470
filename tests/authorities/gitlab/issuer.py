"""An OpenID Connect issuer with GitLab's claims, for the tests: RS256, by openssl.

issuer.py folder FOLDER URL          leaves what a file server at URL serves, and the key
issuer.py token FOLDER URL AUDIENCE [CLAIM=VALUE…]
                                     prints a token; a CLAIM= without a value is left out

<https://docs.gitlab.com/ci/secrets/id_token_authentication/>
"""

import base64
import json
import pathlib
import subprocess
import sys
import time


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words, **more):
    return subprocess.run(["openssl", *words], check=True, capture_output=True, **more).stdout


def folder(at, url):
    key = at / "key.pem"
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(key))
    modulus = openssl("rsa", "-in", str(key), "-noout", "-modulus").decode().strip().split("=")[1]
    jwk = {"kty": "RSA", "kid": "gitlab", "use": "sig", "alg": "RS256", "e": "AQAB", "n": encoded(bytes.fromhex(modulus))}
    served = at / "served"
    (served / ".well-known").mkdir(parents=True)
    (served / "keys").write_text(json.dumps({"keys": [jwk]}))
    discovery = {
        "issuer": url,
        "jwks_uri": f"{url}/keys",
        "authorization_endpoint": f"{url}/oauth/authorize",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
    (served / ".well-known" / "openid-configuration").write_text(json.dumps(discovery))


def token(at, url, audience, *changes):
    now = int(time.time())
    host = url.split("://")[1]
    claims = {
        "iss": url,
        "aud": audience,
        "sub": "project_path:acme/app:ref_type:branch:ref:main",
        "project_path": "acme/app",
        "project_id": "22",
        "namespace_path": "acme",
        "namespace_id": "72",
        "user_id": "42",
        "user_login": "john",
        "user_access_level": "developer",
        "pipeline_id": "1212",
        "pipeline_source": "web",
        "job_id": "1",
        "ref": "main",
        "ref_type": "branch",
        "ref_path": "refs/heads/main",
        "ref_protected": "true",
        "runner_id": 1,
        "runner_environment": "self-hosted",
        "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "project_visibility": "private",
        "ci_config_ref_uri": f"{host}/acme/app//.gitlab-ci.yml@refs/heads/main",
        "ci_config_sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "jti": encoded(str(time.time_ns()).encode()),
        "iat": now,
        "nbf": now - 5,
        "exp": now + 600,
    }
    for change in changes:
        name, value = change.split("=", 1)
        claims[name] = int(value) if name in ("iat", "nbf", "exp") and value else value
        if not value:
            del claims[name]
    header = {"alg": "RS256", "kid": "gitlab", "typ": "JWT"}
    signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    signature = openssl("dgst", "-sha256", "-sign", str(at / "key.pem"), input=signed.encode())
    print(f"{signed}.{encoded(signature)}")


what, at, *rest = sys.argv[1:]
{"folder": folder, "token": token}[what](pathlib.Path(at), *rest)
