# For tests/authorities/fulcio.sh: the CT log is that of another stack, whose operator wants a Fulcio of his own and no CT
# log of another kind.

# site_starts: that stack; its process in `site_process`.
site_starts() {
    start site.log "$sealmark" stack up "$site"
    site_process=$!
    wait_for "$sealmark" stack status "$site"
}

# other_keys: $dir/other.json trusts another log, $dir/forged.json another key under this log's name.
other_keys() {
    python3 - "$own" "$trust" "$dir" <<'PY'
import json, sys
own, other, folder = sys.argv[1:]
stranger = json.load(open(other))["trustedRoot"]["ctlogs"]
config = json.load(open(own))
config["trustedRoot"]["ctlogs"][0]["publicKey"]["rawBytes"] = stranger[0]["publicKey"]["rawBytes"]
json.dump(config, open(f"{folder}/forged.json", "w"))
config["trustedRoot"]["ctlogs"] = stranger
json.dump(config, open(f"{folder}/other.json", "w"))
PY
}

# leaf: the certificate that signed, in DER.
leaf() {
    python3 -c 'import base64, json, sys
material = json.load(open(sys.argv[1]))["verificationMaterial"]
sys.stdout.buffer.write(base64.b64decode(material["certificate"]["rawBytes"]))' "$work/artifact.sigstore.json"
}

fulcio_with_ct_log() {
    [ -x "$binaries/fulcio" ] || return
    local dir=$work/fulcio-ct at site ct own site_process issuer
    ct=http://127.0.0.1:$(free_port) site=$dir/site own=$dir/trust.json
    fulcio_set_up "$dir"
    "$sealmark" stack init "$site" --listen "${ct#http://}" >"$work/log" 2>&1 || cat "$work/log"
    sed -i 's/"entry_policy": *"[a-z-]*"/"entry_policy": "any"/' "$site/stack.json"
    "$sealmark" key public "$site/keys/ct.pem" >"$dir/ct.pub"
    site_starts
    fulcio_starts "$dir" --ct-log-url "$ct" --ct-log-public-key-path "$dir/ct.pub"
    cp "$site/client_trust_config.json" "$own"
    check "Fulcio with a CT log: its chain is appended" \
        "$sealmark" trust add "$own" --from fulcio --at "$at" --name private
    job_token >"$dir/token.jwt"
    sign_logged() {
        "$sealmark" sign blob "$work/artifact" --trust-config "$own" --authority "fulcio:$at" --identity-token-file "$dir/token.jwt"
    }
    verify_logged() { "$sealmark" verify blob "$work/artifact" --identity "$job" --issuer "$job_issuer" "$@"; }
    check "Fulcio with a CT log that does not know it: no certificate" refused ca-unavailable sign_logged
    kill "$site_process" && wait "$site_process"
    mkdir "$site/certificates/ct-issuers" && cp "$dir/root.crt" "$site/certificates/ct-issuers/fulcio.pem"
    site_starts
    check "Fulcio with a CT log that has its chain: a signature is certified" sign_logged ||
        tail -5 "$work/fulcio.log" "$work/site.log"
    check "Fulcio with a CT log: it verifies, by the SCT" \
        eval 'verify_logged --trust-config "$own" >"$dir/said" && grep -q "SCT *ok *by http://ct" "$dir/said"'
    check "Fulcio with a CT log: openssl sees the SCT" \
        eval 'leaf | openssl x509 -inform DER -noout -text | grep "CT Precertificate SCTs"'
    other_keys
    check "Fulcio with a CT log: not by another log's key" refused sct- verify_logged --trust-config "$dir/other.json"
    check "Fulcio with a CT log: nor by one under this log's name" not verify_logged --trust-config "$dir/forged.json"
    issuer=$(openssl x509 -in "$dir/root.crt" -outform DER | sha256sum | cut -d' ' -f1)
    check "Fulcio with a CT log: the log names its issuer" eval '
        python3 -c "import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1]).read())" \
            "$ct/ct/issuer/$issuer" | cmp - <(openssl x509 -in "$dir/root.crt" -outform DER)'
    check "Fulcio with a CT log: the log is sound" "$sealmark" stack fsck "$site"
    # Fulcio holds the log's answer against the key that it was given.
    "$sealmark" key public "$stack/keys/ct.pem" >"$dir/ct.pub"
    fulcio_starts "$dir" --ct-log-url "$ct" --ct-log-public-key-path "$dir/ct.pub"
    cp "$trust" "$dir/fresh.json"
    check "Fulcio with a CT log of another key: it answers" \
        "$sealmark" trust add "$dir/fresh.json" --from fulcio --at "$at" --name private
    check "Fulcio with a CT log of another key: no certificate" refused ca-unavailable sign_logged
}
fulcio_with_ct_log
