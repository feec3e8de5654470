# Who may ask `gate http`: by tokens, by certificates; and names that lead inside.

if has docker-registry && has skopeo && has umoci && has openssl; then
    [ -n "${good-}" ] || start_site || { echo "not ok - a registry, a private Sigstore and images" && cat "$work/log" && exit 1; }
    policy acme/app >"$work/policy.yaml"
    certificate
    # signed_by CA NAME: a certificate for a client.
    signed_by() {
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$work/$2.key" \
            -out "$work/$2.csr" 2>"$work/log" &&
            openssl x509 -req -in "$work/$2.csr" -CA "$work/$1.crt" -CAkey "$work/$1.key" -days 1 \
                -extfile <(printf 'extendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\n') -out "$work/$2.crt" 2>"$work/log"
    }
    for authority in clients strangers; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj "/CN=$authority" \
            -keyout "$work/$authority.key" -out "$work/$authority.crt" 2>"$work/log"
    done
    signed_by clients argo
    signed_by strangers mallory
    echo 'argo a-token-of-argos' >"$work/tokens"
    start_gate http --policy "$work/policy.yaml" --tls-cert "$work/tls.crt" --tls-key "$work/tls.key" \
        --client-ca "$work/clients.crt" --token-file "$work/tokens"
    # asked STATUS FLAGS…: what the answer to a question about the good image is; 000 without one.
    asked() {
        local found
        found=$(curl -sS -o "$work/answer" -w '%{http_code}' --cacert "$work/ca.crt" "${@:2}" \
            -d "{\"image\":\"$good\"}" "https://$gate_address/v1/verdict" 2>"$work/errors")
        [ "$found" = "$1" ] || { echo "$found" && cat "$work/answer" "$work/errors" && return 1; }
    }
    argo=(--cert "$work/argo.crt" --key "$work/argo.key")
    token='Authorization: Bearer a-token-of-argos'
    check "with certificate and token a client is answered" asked 200 "${argo[@]}" -H "$token"
    check "without a token it is not" asked 401 "${argo[@]}"
    check "nor with another" asked 401 "${argo[@]}" -H "${token}x"
    check "without a certificate nobody is heard" asked 000 -H "$token"
    check "nor with one of another authority" asked 000 --cert "$work/mallory.crt" --key "$work/mallory.key" -H "$token"
    check "the journal has who asked" grep -q '"client":"argo"' "$work/gate-http.log"
    refuse "and no token" grep -q 'token-of-argos' "$work/gate-http.log"
    check "tokens are not taken in the clear" \
        grep -q 'needs --tls-cert' <("$sealmark" gate http --policy "$work/policy.yaml" --listen 0.0.0.0:0 --token-file "$work/tokens" 2>&1)

    # Names that look public, in a machine's own table of hosts: only where one may be mounted.
    printf '127.0.0.1 localhost\n127.0.0.1 rebound.example.com\n10.1.2.3 inside.example.com\n' >"$work/hosts"
    in_hosts() { unshare --mount sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$work/hosts" "$@"; }
    if in_hosts true 2>"$work/log"; then
        plain=$sealmark
        printf '#!/bin/sh\nexec unshare --mount sh -c '"'"'mount --bind "$0" /etc/hosts && exec "$@"'"'"' %s %s "$@"\n' \
            "$work/hosts" "$plain" >"$work/sealmark"
        chmod +x "$work/sealmark"
        sealmark=$work/sealmark
        start_gate http --policy "$work/policy.yaml" --private-registry named.example.com
        sealmark=$plain
        verdict_of() { curl -sS -d "{\"image\":\"$1\"}" "http://$gate_address/v1/verdict"; }
        says_of() { verdict_of "$1" | tee "$work/answer" | grep -q "\"code\":\"$2\"" || { cat "$work/answer" && return 1; }; }
        check "a public name with the address of this machine is not called" \
            says_of "rebound.example.com:${registry#*:}/acme/app:v1" address-forbidden
        check "nor one of a private network" says_of inside.example.com/acme/app:v1 address-forbidden
        check "a name that leads nowhere could not be looked at" says_of named.example.com/acme/app:v1 registry-unreachable
    else
        echo "left out: names that lead inside: no mounts of our own ($(tail -1 "$work/log"))"
    fi
else
    echo "left out: the clients of the gate: no docker-registry, skopeo, umoci or openssl"
fi
