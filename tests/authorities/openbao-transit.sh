# For tests/authorities/openbao.sh: keys of the transit engine, of every kind.

# transit_key NAME TYPE
transit_key() { bao write -f "transit/keys/$1" "type=$2"; }
# shown KEY FILE: openssl reads the public half.
shown() { "$sealmark" key public "hashivault://$1" >"$2" && openssl pkey -pubin -in "$2" -noout; }
by_key() { "$sealmark" sign blob "$work/artifact" --trust-config "$trust" --key "hashivault://$1"; }

# of_kind KEY TYPE
of_kind() {
    local public=$vault/$1.pub
    quiet transit_key "$1" "$2"
    check "OpenBao: the public half of a transit key of $2" shown "$1" "$public"
    echo '{"passed":true}' >"$vault/predicate.json"
    local attest=("$sealmark" attest blob "$work/artifact" --predicate "$vault/predicate.json" --type https://example.com/test/v1
        --key "hashivault://$1" --output "$vault/$1.json")
    if [ "$2" = ed25519 ]; then
        check "OpenBao: it signs a statement" "${attest[@]}" --log-not-required-unsafe
        check "OpenBao: which verifies" "$sealmark" verify blob "$work/artifact" --bundle "$vault/$1.json" \
            --predicate-type https://example.com/test/v1 --key "$public" --log-not-required-unsafe
        return
    fi
    check "OpenBao: it signs" by_key "$1"
    check "OpenBao: which verifies by its public half" verify --key "$public"
    check "OpenBao: and by no other" refused key-hint-mismatch verify --key "$vault/stranger.pub"
    check "OpenBao: it signs a statement" "${attest[@]}" --trust-config "$trust"
    check "OpenBao: which verifies" verify --bundle "$vault/$1.json" --predicate-type https://example.com/test/v1 --key "$public"
}

rotated() {
    quiet transit_key turned ecdsa-p256
    check "OpenBao: a key before it is rotated" shown turned "$vault/turned-1.pub"
    quiet bao write -f transit/keys/turned/rotate
    check "OpenBao: and after" shown turned "$vault/turned-2.pub"
    check "OpenBao: is another" not cmp "$vault/turned-1.pub" "$vault/turned-2.pub"
    check "OpenBao: the version before is had by its number" eval \
        'shown "turned?version=1" "$vault/turned.pub" && cmp "$vault/turned.pub" "$vault/turned-1.pub"'
    check "OpenBao: the latest signs" by_key turned
    check "OpenBao: under its own public half" verify --key "$vault/turned-2.pub"
    check "OpenBao: a version signs" by_key 'turned?version=1'
    check "OpenBao: under its own public half" verify --key "$vault/turned-1.pub"
    check "OpenBao: a version that is not there is told" refused kms-malformed by_key 'turned?version=9'
    quiet bao write transit/keys/turned/config min_encryption_version=2
    check "OpenBao: a version that may not sign any more is told" \
        refused 'less than the minimum encryption key version' by_key 'turned?version=1'
}

transit() {
    quiet bao secrets enable transit
    quiet bao policy write transit - <<<'path "transit/keys/*" { capabilities = ["read"] }
path "transit/sign/*" { capabilities = ["update"] }'
    export VAULT_TOKEN
    VAULT_TOKEN=$(bao token create -policy=transit -ttl=30m -field=token)
    openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout -out "$vault/stranger.pub" 2>"$work/log"
    of_kind p256 ecdsa-p256
    of_kind p384 ecdsa-p384
    of_kind p521 ecdsa-p521
    of_kind rsa2 rsa-2048
    of_kind rsa3 rsa-3072
    of_kind rsa4 rsa-4096
    of_kind edwards ed25519
    rotated
    quiet transit_key secret aes256-gcm96
    check "OpenBao: a key that does not sign is told" refused kms-malformed by_key secret
    check "OpenBao: so is one that is not there" refused kms-refused by_key nobody
    VAULT_TOKEN=hvs.nobody check "OpenBao: so is a token that is none" refused kms-refused by_key p256
    unset VAULT_TOKEN
    mkdir "$vault/home"
    check "OpenBao: the token that its own client wrote is read" eval \
        'HOME=$vault/home "$binaries/bao" login "$(bao token create -policy=transit -ttl=30m -field=token)" && HOME=$vault/home by_key p256'
    check "OpenBao: its own variables are read" env -u VAULT_ADDR -u VAULT_CACERT BAO_ADDR="$VAULT_ADDR" BAO_CACERT="$VAULT_CACERT" \
        HOME="$vault/home" "$sealmark" key public hashivault://p256
    VAULT_CACERT=$vault/pki-root.crt HOME=$vault/home \
        check "OpenBao: by another root its TLS is not believed" refused tls by_key p256
}
transit
