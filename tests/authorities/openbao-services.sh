# For tests/authorities/openbao.sh: certificates for services, in every form.

# The shipped role, and one more that allows addresses and URIs.
web_roles() {
    shipped vault-web-role
    bao write pki/roles/mesh key_type=any require_cn=false allowed_domains=example.com allow_subdomains=true \
        allow_wildcard_certificates=true allow_ip_sans=true allowed_uri_sans='spiffe://example.org/*' ttl=24h
    bao policy write mesh - <<<'path "pki/sign/mesh" { capabilities = ["update"] }'
    login_role mesh token_policies=mesh
}

# of_names FILE NAME…: the certificate names these, and no others.
of_names() {
    [ "$(openssl x509 -in "$1" -noout -ext subjectAltName | tail -1 | tr -d ' ')" = "$(IFS=, && echo "${*:2}")" ]
}
# serves CERTIFICATE CA: openssl takes it for a server and for a client.
serves() {
    for use in sslserver sslclient; do
        openssl verify -purpose "$use" -CAfile "$2" -untrusted "$1" "$1" || return 1
    done
}
lives_about() { # CERTIFICATE SECONDS
    openssl x509 -in "$1" -noout -checkend "$(($2 - 60))" && not openssl x509 -in "$1" -noout -checkend "$(($2 + 60))"
}

services() {
    quiet web_roles
    gitlab_token >"$vault/job.jwt"
    local app=$vault/app mesh web
    mesh=("$sealmark" certificate issue --identity-token-file "$vault/job.jwt" --authority vault:pki/mesh)
    web=("${mesh[@]:0:5}" --authority vault:pki/web --authority-login jwt:web)
    check "OpenBao: a service gets a certificate, and the login is ended" \
        nobody_stays "${web[@]}" --dns app.example.com --dns api.example.com --lifetime 2h -o "$app"
    check "OpenBao: with its names, and no others" of_names "$app.crt" DNS:app.example.com DNS:api.example.com
    check "OpenBao: for as long as was asked" lives_about "$app.crt" 7200
    check "OpenBao: openssl takes it for a server and a client" serves "$app.crt" "$app.ca.crt"
    check "OpenBao: which leads to the root that stayed outside" eval \
        'openssl x509 -in "$app.ca.crt" -noout -fingerprint -sha256 | cmp - <(openssl x509 -in "$vault/pki-root.crt" -noout -fingerprint -sha256)'
    check "OpenBao: the key is of the certificate" eval \
        'cmp <(openssl pkey -in "$app.key" -pubout) <(openssl x509 -in "$app.crt" -noout -pubkey)'
    check "OpenBao: wildcards, addresses and URIs" eval \
        '"${mesh[@]}" --dns "*.example.com" --ip 127.0.0.1 --uri spiffe://example.org/app --form bundle -o "$app.pem" &&
            of_names "$app.pem" "DNS:*.example.com" IPAddress:127.0.0.1 URI:spiffe://example.org/app'
    check "OpenBao: the bundle has the key and what leads to the root" eval \
        'cmp <(openssl pkey -in "$app.pem" -pubout) <(openssl x509 -in "$app.pem" -noout -pubkey) &&
            serves "$app.pem" "$vault/pki-root.crt"'
    for kind in p384 rsa2048; do
        check "OpenBao: a key of $kind" "${web[@]}" --dns app.example.com --kind "$kind" -o "$app-$kind"
        check "OpenBao: which openssl takes" serves "$app-$kind.crt" "$app-$kind.ca.crt"
    done
    check "OpenBao: a name that the role does not allow: vault-name" \
        refused vault-name "${web[@]}" --dns app.example.org -o "$app-other"
    check "OpenBao: and nothing is written then" not compgen -G "$app-other*"
    check "OpenBao: a Secret" eval \
        '"${web[@]}" --dns app.example.com --form kubernetes --secret prod/app-tls -o - >"$app.yaml"'
    check "OpenBao: expiring finds it in time" refused app-tls "$sealmark" certificate expiring "$app.yaml" --within 30d
    check "OpenBao: and not too early" "$sealmark" certificate expiring "$app.yaml" --within 30s
    the_cluster || { echo "left out: OpenBao's certificate in a cluster: no Kubernetes" && return; }
    quiet kubectl create namespace prod
    check "OpenBao: the cluster takes the Secret" kubectl apply -f "$app.yaml"
    check "OpenBao: and gives back the certificate" eval '
        kubectl -n prod get secret app-tls -o jsonpath="{.data.tls\.crt}" | base64 -d >"$vault/back.crt" &&
            of_names "$vault/back.crt" DNS:app.example.com && serves "$vault/back.crt" "$vault/pki-root.crt"'
    check "OpenBao: a later one replaces it" eval \
        '"${web[@]}" --dns app.example.com --form kubernetes --secret prod/app-tls -o - | kubectl apply -f -'
    check "OpenBao: expiring reads the cluster'\''s Secrets" eval '
        kubectl get secrets -n prod -o json >"$vault/secrets.json" &&
            refused app-tls "$sealmark" certificate expiring "$vault/secrets.json" --within 30d'
}
services
