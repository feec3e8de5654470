# For tests/authorities/run: Smallstep's authority with an OIDC provisioner and examples/authorities/step-ca-template.json.

step_ca() {
    [ -x "$binaries/step-ca" ] || { echo "left out: step-ca: no $binaries/step-ca" && return; }
    local ca=$work/step-ca port
    port=$(free_port)
    mkdir "$ca"
    (
        cd "$ca" || exit 1
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/O=example/CN=step root" \
            -keyout root.key -out root.crt -addext basicConstraints=critical,CA:TRUE,pathlen:1 \
            -addext keyUsage=critical,keyCertSign,cRLSign
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/O=example/CN=step intermediate" \
            -keyout int.key -out int.csr
        printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n' >int.ext
        openssl x509 -req -in int.csr -CA root.crt -CAkey root.key -CAcreateserial -days 30 -extfile int.ext -out int.crt
    ) >"$work/log" 2>&1 || { cat "$work/log" && return 1; }
    printf 'the password of a provisioner' >"$ca/password"
    "$binaries/step-ca" jwk "$(cat "$ca/password")" >"$ca/jwk.json" 2>"$work/log" || { cat "$work/log" && return 1; }
    python3 - "$ca" "$port" "$job_issuer" "$PWD/examples/authorities/step-ca-template.json" \
        "$PWD/examples/authorities/step-ca-jwk-template.json" <<'PY'
import json, sys
folder, port, issuer, template, jwk_template = sys.argv[1:]
keys = json.load(open(f"{folder}/jwk.json"))
life = {"minTLSCertDuration": "5m", "maxTLSCertDuration": "1h", "defaultTLSCertDuration": "10m"}
config = {
    "root": f"{folder}/root.crt", "crt": f"{folder}/int.crt", "key": f"{folder}/int.key",
    "address": f"127.0.0.1:{port}", "dnsNames": ["127.0.0.1"], "logger": {"format": "text"},
    "db": {"type": "badgerv2", "dataSource": f"{folder}/db"},
    "authority": {"provisioners": [{
        "type": "OIDC", "name": "ci", "clientID": "sigstore", "claims": life,
        "configurationEndpoint": f"{issuer}/.well-known/openid-configuration",
        "options": {"x509": {"templateFile": template}}},
        {"type": "JWK", "name": "release", "claims": life, **keys, "options": {"x509": {"templateFile": jwk_template}}},
        {"type": "JWK", "name": "web", "claims": life, **keys}]},
}
json.dump(config, open(f"{folder}/ca.json", "w"))
PY
    start step-ca.log "$binaries/step-ca" "$ca/ca.json"
    local at=https://127.0.0.1:$port fingerprint
    fingerprint=$(openssl x509 -in "$ca/root.crt" -outform DER | sha256sum | cut -d' ' -f1)
    local add=("$sealmark" trust add "$trust" --from step-ca --at "$at" --name step)
    check "step-ca: its root comes by its digest, and is appended" \
        wait_for "${add[@]}" --root-sha256 "$fingerprint" || return
    check "step-ca: a root that stands there changes nothing" \
        eval '"${add[@]}" --root-sha256 "$fingerprint" | grep -q "stands there already"'
    check "step-ca: another digest is refused" \
        refused ca- "${add[@]}" --root-sha256 "$(printf '0%.0s' $(seq 64))"
    check "step-ca: without its root, its TLS is not believed" refused tls "${add[@]}"
    export STEP_FINGERPRINT=$fingerprint
    job_token >"$work/step.jwt"
    local by=(--authority "step-ca:$at" --identity-token-file "$work/step.jwt")
    check "step-ca: the shipped template certifies a job's signature" sign "${by[@]}"
    check "step-ca: it verifies by the authority's name" verify --identity "$job" --certificate-authority step
    check "step-ca: not by the issuer that the certificate writes" \
        refused authority-unnamed verify --identity "$job" --issuer "$job_issuer"
    check "step-ca: the same token is not taken again" refused step-ca-token sign "${by[@]}"
    job_token >"$work/step.jwt"
    check "step-ca: a new token is" sign "${by[@]}"
    printf 'not.a.token' >"$work/bad.jwt"
    check "step-ca: nonsense is not sent" refused identity-token-malformed \
        sign --authority "step-ca:$at" --identity-token-file "$work/bad.jwt"
    local name=https://acme.example.com/release
    by=(--authority "step-ca:$at" --authority-login jwk:release --authority-name "$name" --authority-password-file "$ca/password")
    check "step-ca: a JWK provisioner's tokens are made here" sign "${by[@]}" || tail -3 "$work/step-ca.log"
    check "step-ca: each for one request" sign "${by[@]}"
    check "step-ca: it verifies by the authority's name" verify --identity "$name" --certificate-authority step
    check "step-ca: doctor opens the provisioner's key" \
        eval '"$sealmark" doctor --trust-config "$trust" "${by[@]}" | grep -q "whose key opens"'
    printf other >"$ca/other"
    by[7]=$ca/other
    check "step-ca: another password is told" refused step-ca-password sign "${by[@]}"
    by[3]=jwk:nobody
    check "step-ca: so is a provisioner that is not there" refused step-ca-provisioner-unknown sign "${by[@]}"
    check "step-ca: a service gets a certificate by a JWK provisioner" "$sealmark" certificate issue \
        --authority "step-ca:$at" --authority-login jwk:web --authority-password-file "$ca/password" \
        --dns app.example.com --lifetime 20m -o "$work/step-app"
    check "step-ca: openssl takes it for a server" openssl verify -purpose sslserver -CAfile "$ca/root.crt" \
        -untrusted "$ca/int.crt" "$work/step-app.crt"
    unset STEP_FINGERPRINT
}
step_ca
