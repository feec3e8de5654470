# For tests/authorities/openbao.sh: set-ups that are often printed, and wrong. Each is refused with the code that
# src/manual/authorities.md names, by the server's own words.

# role PATH DEFAULTS KEY=VALUE…: with these defaults, in JSON, but for what is given.
role() {
    python3 -c 'import json, sys
print(json.dumps(json.loads(sys.argv[1]) | dict(change.split("=", 1) for change in sys.argv[2:])))' "${@:2}" | bao write "$1" -
}
# login_role NAME KEY=VALUE…: as examples/authorities/vault-role.sh has it.
login_role() {
    role "auth/jwt/role/$1" '{"role_type": "jwt", "user_claim": "project_id", "bound_audiences": "'"$VAULT_ADDR"'",
        "bound_claims_type": "glob", "bound_claims": {"project_path": "acme/*", "ref_protected": "true"},
        "claim_mappings": {"project_path": "project_path"}, "token_policies": "ci-signing", "token_ttl": "5m"}' "${@:2}"
}
# pki_role NAME KEY=VALUE…: likewise, for one name, with a login role and a policy of that name, which reads it, too.
pki_role() {
    bao policy write "$1" - <<<'path "pki/sign/'"$1"'" { capabilities = ["update"] }
path "pki/roles/'"$1"'" { capabilities = ["read"] }'
    login_role "$1" token_policies="$1"
    role "pki/roles/$1" '{"key_type": "any", "require_cn": false, "use_csr_sans": false, "allow_any_name": false,
        "allowed_uri_sans": "'"$gitlab/acme/app"'", "server_flag": false, "client_flag": false, "code_signing_flag": true,
        "key_usage": "DigitalSignature", "ttl": "10m", "no_store": true}' "${@:2}"
}

asked() { # AUTHORITY LOGIN
    asked=(--authority "vault:$1" --authority-login "$2" --authority-name "$gitlab/acme/app" --identity-token-file "$vault/job.jwt")
}
# told CODE WORDS AUTHORITY LOGIN: by signing, and by doctor.
told() {
    asked "$3" "$4"
    check "OpenBao: $2: $1" refused "$1" sign "${asked[@]}"
    check "OpenBao: $2: doctor says so" refused "$1" "$sealmark" doctor --trust-config "$trust" "${asked[@]}"
}
# signing CODE WORDS ROLE: by signing with a role of this name.
signing() {
    asked "pki/$3" "jwt:$3"
    check "OpenBao: $2: $1" refused "$1" sign "${asked[@]}"
}
# looking CODE WORDS ROLE: by doctor, which is content where it only warns.
looking() {
    asked "pki/$3" "jwt:$3"
    check "OpenBao: doctor on $2: $1" doctor_names "$1"
}
doctor_names() {
    "$sealmark" doctor --trust-config "$trust" "${asked[@]}" >"$work/doctor"
    cat "$work/doctor" && grep -q "$1" "$work/doctor"
}

wrong_logins() {
    gitlab_token >"$vault/job.jwt"
    # Neither is sent: an empty token is none, and an old one is looked at here.
    check "OpenBao: the words for an empty token" \
        refused 'missing token' bao write auth/jwt/login role=ci-signing jwt=
    check "OpenBao: the words for an old token" refused 'invalid expiration time (exp) claim: token is expired' bao write \
        auth/jwt/login role=ci-signing jwt="$(gitlab_token iat=1700000000 nbf=1700000000 exp=1700000600)"
    check "OpenBao: a login role without role_type is not even made" \
        refused "'allowed_redirect_uris' must be set" login_role browser role_type=
    quiet login_role browser role_type=oidc allowed_redirect_uris=https://example.com/callback
    told vault-role-type "a role for browsers" pki/ci-signing jwt:browser
    quiet login_role unbound bound_audiences=
    told vault-audience-unbound "a role that binds no audience" pki/ci-signing jwt:unbound
    quiet login_role elsewhere bound_audiences=https://vault.example.com
    told vault-audience "a role of another audience" pki/ci-signing jwt:elsewhere
    quiet login_role literal bound_claims_type=string
    told vault-claims "globs without bound_claims_type=glob" pki/ci-signing jwt:literal
    quiet login_role unclaimed user_claim=nothing
    told vault-claims "a user_claim that the token has not" pki/ci-signing jwt:unclaimed
    told vault-login-role "a login role that is not there" pki/ci-signing jwt:nobody
    gitlab_token ref_protected=false >"$vault/job.jwt"
    told vault-claims "a branch that anyone may push to" pki/ci-signing jwt:ci-signing
    gitlab_token project_path=other/app >"$vault/job.jwt"
    told vault-claims "a project of others" pki/ci-signing jwt:ci-signing
    gitlab_token aud=sigstore >"$vault/job.jwt"
    asked pki/ci-signing jwt:ci-signing
    check "OpenBao: a token for another audience: vault-audience" \
        refused vault-audience sign "${asked[@]}" --authority-audience sigstore
    gitlab_token >"$vault/job.jwt"
    sed -i 's/\.[^.]*$/.AAAA/' "$vault/job.jwt"
    told vault-token-invalid "a token with another signature" pki/ci-signing jwt:ci-signing
    gitlab_token >"$vault/job.jwt"
}

# What is set once for a method, or a namespace.
wrong_methods() {
    quiet bao namespace create wrong
    export VAULT_NAMESPACE=wrong
    told vault-login-mount "no login method" pki/ci-signing jwt:ci-signing
    quiet bao auth enable jwt
    told vault-login-unconfigured "a method that was never configured" pki/ci-signing jwt:ci-signing
    quiet bao write auth/jwt/config oidc_discovery_url="$gitlab" bound_issuer="${gitlab#http://}"
    quiet login_role ci-signing
    told vault-issuer "an issuer without its scheme" pki/ci-signing jwt:ci-signing
    quiet bao write auth/jwt/config oidc_discovery_url="$gitlab" bound_issuer="$gitlab"
    asked pki/ci-signing jwt:ci-signing
    check "OpenBao: a policy that allows nothing: vault-sign-denied" refused vault-sign-denied sign "${asked[@]}"
    looking vault-policy-sign "such a policy" ci-signing
    quiet bao policy write ci-signing - <<<'path "pki/sign/*" { capabilities = ["update"] }'
    check "OpenBao: no engine: vault-pki-mount" refused vault-pki-mount sign "${asked[@]}"
    quiet bao secrets enable pki
    check "OpenBao: no role: vault-pki-role" refused vault-pki-role sign "${asked[@]}"
    quiet bao write pki/roles/ci-signing key_type=any require_cn=false allowed_uri_sans="$gitlab/acme/app" no_store=true
    check "OpenBao: no CA: vault-no-issuer" refused vault-no-issuer sign "${asked[@]}"
    unset VAULT_NAMESPACE
}

wrong_roles() {
    quiet pki_role defaults key_type=rsa
    signing vault-key-type "a role for RSA keys" defaults
    quiet pki_role named require_cn=true
    signing vault-require-cn "a role that wants a common name" named
    quiet pki_role nameless allowed_uri_sans=
    signing vault-name "a role that allows no URI" nameless
    quiet pki_role servers server_flag=true client_flag=true code_signing_flag=false
    signing cert-eku-wrong "a role for servers" servers
    looking vault-role-not-signing "such a role" servers
    quiet pki_role lasting ttl=72h max_ttl=72h
    looking vault-role-lifetime "a role for days" lasting
    quiet pki_role gone
    quiet bao delete pki/roles/gone
    looking vault-pki-role "a role that is not there" gone
    quiet pki_role years ttl=8000h max_ttl=8000h
    signing vault-lifetime "a life that is longer than the CA's" years
    quiet pki_role elsewhere issuer_ref=nothing
    signing vault-no-issuer "a role of a CA that is not there" elsewhere
    quiet pki_role issuing
    quiet bao policy write issuing - <<<'path "pki/+/issuing" { capabilities = ["update", "read"] }'
    looking vault-policy-issue "a policy that lets the server make keys" issuing
    # As they are printed: every default at once. The first of them is told.
    quiet bao write pki/roles/printed allowed_domains=example.com allow_subdomains=true max_ttl=72h
    quiet bao policy write printed - <<<'path "pki/sign/printed" { capabilities = ["update"] }'
    quiet login_role printed token_policies=printed
    signing vault-key-type "a role with the defaults" printed
}

wrong_logins
wrong_methods
wrong_roles
