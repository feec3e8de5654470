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
    python3 - "$ca" "$port" "$job_issuer" "$PWD/examples/authorities/step-ca-template.json" <<'PY'
import json, sys
folder, port, issuer, template = sys.argv[1:]
life = {"minTLSCertDuration": "5m", "maxTLSCertDuration": "1h", "defaultTLSCertDuration": "10m"}
config = {
    "root": f"{folder}/root.crt", "crt": f"{folder}/int.crt", "key": f"{folder}/int.key",
    "address": f"127.0.0.1:{port}", "dnsNames": ["127.0.0.1"], "logger": {"format": "text"},
    "db": {"type": "badgerv2", "dataSource": f"{folder}/db"},
    "authority": {"provisioners": [{
        "type": "OIDC", "name": "ci", "clientID": "sigstore", "claims": life,
        "configurationEndpoint": f"{issuer}/.well-known/openid-configuration",
        "options": {"x509": {"templateFile": template}}}]},
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
    unset STEP_FINGERPRINT
}
step_ca
