# For tests/authorities/run: Fulcio itself with a CA in a file, in front of the stack's issuer of tokens; without a CT
# log, and with that of a stack which has Fulcio's chain (fulcio-ct.sh).

# fulcio_starts FOLDER [FLAG…]: with the CA and the configuration there; leaves its address in `at`.
fulcio_starts() {
    local dir=$1 port
    port=$(free_port) at=http://127.0.0.1:$port
    start fulcio.log "$binaries/fulcio" serve --host 127.0.0.1 --port "$port" --grpc-host 127.0.0.1 \
        --grpc-port "$(free_port)" --metrics-port "$(free_port)" --ca fileca --fileca-cert "$dir/root.crt" \
        --fileca-key "$dir/root.key" --fileca-key-passwd secret --config-path "$dir/config.yaml" \
        --legacy-unix-domain-socket "@$dir-$port" "${@:2}"
    until_it_answers "$port"
}

# fulcio_set_up FOLDER: a CA and a configuration.
fulcio_set_up() {
    local dir=$1
    mkdir -p "$dir"
    {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 30 -subj "/O=example/CN=fulcio root" \
            -keyout "$dir/plain.key" -nodes -out "$dir/root.crt" -addext basicConstraints=critical,CA:TRUE,pathlen:1 \
            -addext keyUsage=critical,keyCertSign,cRLSign
        openssl pkcs8 -topk8 -in "$dir/plain.key" -out "$dir/root.key" -v2 aes-256-cbc -passout pass:secret
    } >"$work/log" 2>&1 || { cat "$work/log" && return 1; }
    cat >"$dir/config.yaml" <<YAML
oidc-issuers:
  $job_issuer:
    issuer-url: $job_issuer
    client-id: sigstore
    type: ci-provider
    ci-provider: github-workflow
    contact: ci@example.com
    description: the stack
ci-issuer-metadata:
  github-workflow:
    extension-templates:
      github-workflow-trigger: event_name
      source-repository-uri: "{{ .url }}/{{ .repository }}"
    default-template-values:
      url: "https://github.com"
    subject-alternative-name-template: "{{ .url }}/{{ .job_workflow_ref }}"
YAML
}

fulcio() {
    [ -x "$binaries/fulcio" ] || { echo "left out: Fulcio: no $binaries/fulcio" && return; }
    local dir=$work/fulcio at
    fulcio_set_up "$dir"
    fulcio_starts "$dir" --ct-log-url ""
    # A trust root without CT logs, since this authority has none.
    python3 - "$trust" "$dir/trust.json" <<'PY'
import json, sys
config = json.load(open(sys.argv[1]))
config["trustedRoot"]["ctlogs"] = []
json.dump(config, open(sys.argv[2], "w"))
PY
    local own=$dir/trust.json
    check "Fulcio: its chain is appended" wait_for "$sealmark" trust add "$own" --from fulcio --at "$at" --name private ||
        { tail -5 "$work/fulcio.log" && return; }
    job_token >"$dir/token.jwt"
    local by=(--trust-config "$own" --authority "fulcio:$at" --identity-token-file "$dir/token.jwt")
    local sign=("$sealmark" sign blob "$work/artifact" "${by[@]}")
    check "Fulcio: whoami says that it takes tokens of this issuer" \
        eval '"$sealmark" whoami "${by[@]}" | grep -q "takes tokens of this issuer"'
    check "Fulcio: a job's signature is certified" "${sign[@]}" || tail -5 "$work/fulcio.log"
    check "Fulcio: it takes the same token again" "${sign[@]}"
    verify_own() { "$sealmark" verify blob "$work/artifact" --trust-config "$own" "$@"; }
    check "Fulcio: it verifies by the issuer" verify_own --identity "$job" --issuer "$job_issuer"
    check "Fulcio: another issuer is refused" refused issuer-mismatch verify_own --identity "$job" --issuer https://other.example
    check "Fulcio: where the trust root asks for SCTs, a certificate without one is not used" \
        eval 'cp "$trust" "$dir/strict.json" && "$sealmark" trust add "$dir/strict.json" --from fulcio --at "$at" --name private &&
            refused sct- "$sealmark" sign blob "$work/artifact" --trust-config "$dir/strict.json" --authority "fulcio:$at" \
                --identity-token-file "$dir/token.jwt"'
    person_token >"$dir/token.jwt"
    check "Fulcio: an issuer that it does not know is named" refused ca-issuer-unknown "${sign[@]}"
    check "Fulcio: doctor says the same" refused ca-issuer-unknown "$sealmark" doctor --format json "${by[@]}"
    printf '%s' "$(job_token | cut -d. -f1,2).AAAA" >"$dir/token.jwt"
    check "Fulcio: a token with another signature is refused" refused ca-refused "${sign[@]}"
}
fulcio
source tests/authorities/fulcio-ct.sh
