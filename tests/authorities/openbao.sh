# For tests/authorities/run: OpenBao's server with TLS of a CA of its own, in memory; the roles of
# examples/authorities/vault-*.sh as they are shipped, in front of an issuer of tokens with GitLab's claims.
# The other openbao-*.sh go on with what is set up here.

# quiet COMMAND…: says something only when it fails.
quiet() { "$@" >"$work/log" 2>&1 || { echo "# $*: " && sed 's/^/    # /' "$work/log"; }; }

# bao COMMAND…: as an administrator.
bao() { VAULT_TOKEN=$(cat "$vault/root-token") "$binaries/bao" "$@"; }

# gitlab_token [CLAIM=VALUE…]: a job's, for this server.
gitlab_token() { python3 tests/authorities/gitlab/issuer.py token "$vault/gitlab" "$gitlab" "$VAULT_ADDR" "$@"; }

# logged_in: how many tokens are alive.
logged_in() { bao list -format=json auth/token/accessors | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))'; }
# nobody_stays COMMAND…: it succeeds, and no login is left of it.
nobody_stays() {
    local before
    before=$(logged_in)
    "$@" && [ "$(logged_in)" = "$before" ]
}

# certificate NAME SUBJECT EXTENSION…: of the CA for TLS, in $vault/NAME.crt and NAME.key.
certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$vault/$1.key" \
        -out "$vault/$1.csr"
    printf '%s\n' "${@:3}" >"$vault/$1.ext"
    openssl x509 -req -in "$vault/$1.csr" -CA "$vault/tls.crt" -CAkey "$vault/tls.key" -CAcreateserial -days 2 \
        -extfile "$vault/$1.ext" -out "$vault/$1.crt"
}

# root NAME: a CA in $vault/NAME.crt and NAME.key.
root() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/O=example/CN=$1" \
        -keyout "$vault/$1.key" -out "$vault/$1.crt" -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign,cRLSign
}

# An engine at pki/ with an intermediate of a root that stays outside.
intermediate() {
    root pki-root
    bao secrets enable pki && bao secrets tune -max-lease-ttl=8760h pki
    bao write -field=csr pki/intermediate/generate/internal common_name='ci signing' key_type=ec key_bits=256 \
        >"$vault/pki.csr"
    printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n' >"$vault/pki.ext"
    openssl x509 -req -in "$vault/pki.csr" -CA "$vault/pki-root.crt" -CAkey "$vault/pki-root.key" -CAcreateserial \
        -days 20 -extfile "$vault/pki.ext" -out "$vault/pki.crt"
    cat "$vault/pki.crt" "$vault/pki-root.crt" | bao write pki/intermediate/set-signed certificate=-
}

# shipped NAME: a script of examples/authorities, as it is.
shipped() {
    GITLAB=$gitlab PROJECTS='acme/*' VAULT_TOKEN=$(cat "$vault/root-token") PATH=$vault/bin:$PATH \
        sh "examples/authorities/$1.sh"
}

# Leaves the server's address and root in the variables of its client.
openbao_starts() {
    local port
    port=$(free_port)
    export VAULT_ADDR=https://127.0.0.1:$port VAULT_CACERT=$vault/tls.crt
    root tls && certificate server server "subjectAltName=IP:127.0.0.1" extendedKeyUsage=serverAuth
    cat >"$vault/server.hcl" <<HCL
storage "inmem" {}
listener "tcp" {
  address       = "127.0.0.1:$port"
  tls_cert_file = "$vault/server.crt"
  tls_key_file  = "$vault/server.key"
}
api_addr = "$VAULT_ADDR"
HCL
    start openbao.log "$binaries/bao" server -config "$vault/server.hcl"
    until_it_answers "$port"
    "$binaries/bao" operator init -key-shares=1 -key-threshold=1 -format=json >"$vault/init.json" || return 1
    python3 - "$vault" <<'PY'
import json, sys
made = json.load(open(f"{sys.argv[1]}/init.json"))
open(f"{sys.argv[1]}/root-token", "w").write(made["root_token"])
open(f"{sys.argv[1]}/unseal-key", "w").write(made["unseal_keys_b64"][0])
PY
    bao operator unseal "$(cat "$vault/unseal-key")"
}

gitlab_starts() {
    local port
    port=$(free_port)
    gitlab=http://127.0.0.1:$port
    mkdir "$vault/gitlab" && python3 tests/authorities/gitlab/issuer.py folder "$vault/gitlab" "$gitlab"
    start gitlab.log python3 -m http.server --bind 127.0.0.1 --directory "$vault/gitlab/served" "$port"
    until_it_answers "$port"
}

openbao() {
    [ -x "$binaries/bao" ] || { echo "left out: OpenBao: no $binaries/bao" && return; }
    vault=$work/openbao
    mkdir -p "$vault/bin" && ln -s "$binaries/bao" "$vault/bin/bao"
    check "OpenBao: it starts and is unsealed" openbao_starts || { tail -5 "$work/openbao.log" && return; }
    gitlab_starts
    quiet intermediate
    check "OpenBao: the shipped role is written as it is" shipped vault-role || return
    local by=(--authority vault:pki/ci-signing --authority-login jwt:ci-signing --authority-name "$gitlab/{project_path}")
    local jwt=$vault/job.jwt name=$gitlab/acme/app
    by+=(--identity-token-file "$jwt")
    gitlab_token >"$jwt"
    check "OpenBao: without its CA in the trust root nothing is made" refused chain-untrusted sign "${by[@]}"
    local add=("$sealmark" trust add "$trust" --from vault --at "$VAULT_ADDR/v1/pki" --name vault)
    check "OpenBao: without its root, its TLS is not believed" refused ca-tls "${add[@]}"
    check "OpenBao: its chain is appended" "${add[@]}" --tls-root "$VAULT_CACERT"
    check "OpenBao: doctor finds all well" "$sealmark" doctor --trust-config "$trust" "${by[@]}"
    check "OpenBao: and leaves no login" nobody_stays "$sealmark" doctor --trust-config "$trust" "${by[@]}"
    check "OpenBao: a GitLab job's signature is certified, and its login ended" nobody_stays sign "${by[@]}" ||
        tail -5 "$work/openbao.log"
    check "OpenBao: a login that is not ended would be seen" not nobody_stays \
        bao write auth/jwt/login role=ci-signing jwt="$(cat "$jwt")"
    check "OpenBao: it verifies by the authority's name" verify --identity "$name" --certificate-authority vault
    check "OpenBao: not by an issuer that no certificate writes" \
        refused authority-unnamed verify --identity "$name" --issuer "$gitlab"
    check "OpenBao: another name is refused" refused identity-mismatch verify --identity "$name/x" --certificate-authority vault
    check "OpenBao: its certificates are not kept" eval '! bao list pki/certs | grep -q .'
    by[5]=$gitlab/acme/other
    check "OpenBao: a job gets no other project's name" refused vault-name sign "${by[@]}"
    for part in logins wrong services transit pipeline; do
        source "tests/authorities/openbao-$part.sh"
    done
    quiet bao operator seal
    check "OpenBao: sealed, it is no refusal" eval '
        sign "${by[@]}"; code=$?; [ $code = 3 ]'
    unset VAULT_ADDR VAULT_CACERT
}
openbao
