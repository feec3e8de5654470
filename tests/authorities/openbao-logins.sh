# For tests/authorities/openbao.sh: every other login, and namespaces.

release=https://acme.example.com/release
release_by() { sign --authority vault:pki/release --authority-name "$release" --authority-login "$@"; }
released() { verify --identity "$release" --certificate-authority vault; }

# A role for one name, of whoever has the policy.
release_role() {
    bao policy write release - <<<'path "pki/sign/release" { capabilities = ["update"] }'
    bao write pki/roles/release key_type=any require_cn=false allow_any_name=false allowed_uri_sans="$release" \
        use_csr_sans=false server_flag=false client_flag=false code_signing_flag=true key_usage=DigitalSignature \
        ttl=10m no_store=true
}

by_token() {
    local token stranger
    token=$(bao token create -policy=release -ttl=5m -field=token)
    stranger=$(bao token create -policy=default -ttl=5m -field=token)
    VAULT_TOKEN=$token check "OpenBao: a token that was given signs" release_by token
    check "OpenBao: it verifies" released
    check "OpenBao: the token is its owner's to end" bao token lookup "$token"
    VAULT_TOKEN=$stranger check "OpenBao: a token without the policy may not" refused vault-sign-denied release_by token
    VAULT_TOKEN=hvs.nobody check "OpenBao: nor one that is none" refused vault-sign-denied release_by token
}

by_approle() {
    quiet bao auth enable approle
    quiet bao write auth/approle/role/release token_policies=release token_ttl=5m token_num_uses=2 secret_id_num_uses=1
    export VAULT_ROLE_ID VAULT_SECRET_ID
    VAULT_ROLE_ID=$(bao read -field=role_id auth/approle/role/release/role-id)
    VAULT_SECRET_ID=$(bao write -f -field=secret_id auth/approle/role/release/secret-id)
    check "OpenBao: a role's id and secret sign, and the login is ended" nobody_stays release_by approle
    check "OpenBao: it verifies" released
    check "OpenBao: a secret for one use is used up" refused vault-approle release_by approle
    VAULT_ROLE_ID=nobody check "OpenBao: a role that is not there is told" refused vault-approle release_by approle
    unset VAULT_ROLE_ID VAULT_SECRET_ID
}

by_certificate() {
    quiet bao auth enable cert
    quiet bao write auth/cert/certs/release certificate=@"$vault/tls.crt" allowed_common_names=release token_policies=release \
        token_ttl=5m
    quiet certificate client release extendedKeyUsage=clientAuth
    quiet certificate other other extendedKeyUsage=clientAuth
    export VAULT_CLIENT_CERT=$vault/client.crt VAULT_CLIENT_KEY=$vault/client.key
    check "OpenBao: a client's certificate signs, and the login is ended" nobody_stays release_by cert:release
    check "OpenBao: it verifies" released
    check "OpenBao: the server finds the role" release_by cert
    check "OpenBao: not one of another name" refused vault-login-refused release_by cert:none
    VAULT_CLIENT_CERT=$vault/other.crt VAULT_CLIENT_KEY=$vault/other.key \
        check "OpenBao: nor with the certificate of another" refused vault-login-refused release_by cert:release
    unset VAULT_CLIENT_CERT VAULT_CLIENT_KEY
    check "OpenBao: nor with none" refused vault-login-refused release_by cert:release
}

# In front of a real API server, which says whose the pod's token is.
by_kubernetes() {
    the_cluster || { echo "left out: OpenBao's login kubernetes: no Kubernetes" && return; }
    kubernetes_trusted() {
        kubectl create namespace build && kubectl -n build create serviceaccount signer
        kubectl -n build create serviceaccount reviewer && kubectl -n default create serviceaccount signer
        kubectl create clusterrolebinding reviewer --clusterrole system:auth-delegator --serviceaccount build:reviewer
        bao auth enable kubernetes
        bao write auth/kubernetes/config kubernetes_host="https://127.0.0.1:$api_port" \
            kubernetes_ca_cert=@"$work/cluster/certs/apiserver.crt" \
            token_reviewer_jwt="$(kubectl -n build create token reviewer)"
        bao write auth/kubernetes/role/release bound_service_account_names=signer \
            bound_service_account_namespaces=build token_policies=release token_ttl=5m
    }
    quiet kubernetes_trusted
    mkdir "$vault/pod"
    kubectl -n build create token signer >"$vault/pod/token"
    local by=(kubernetes:release --authority-account "$vault/pod")
    check "OpenBao: a pod's account signs, and the login is ended" nobody_stays release_by "${by[@]}"
    check "OpenBao: it verifies" released
    check "OpenBao: not by a role that is not there" refused vault-login-role release_by kubernetes:none "${by[@]:1}"
    kubectl -n build create token reviewer >"$vault/pod/token"
    check "OpenBao: nor as another account" refused vault-pod-account release_by "${by[@]}"
    kubectl -n default create token signer >"$vault/pod/token" 2>"$work/log" || cat "$work/log"
    check "OpenBao: nor from another namespace" refused vault-pod-account release_by "${by[@]}"
    printf 'not.a.token' >"$vault/pod/token"
    check "OpenBao: nor with a token of no cluster" refused vault-login release_by "${by[@]}"
}

# The same set-up once more, in a namespace, with a CA that the engine made itself.
in_namespace() {
    quiet bao namespace create team
    export VAULT_NAMESPACE=team
    quiet bao secrets enable pki
    quiet bao write pki/root/generate/internal common_name='team root' key_type=ec key_bits=256 ttl=720h
    quiet shipped vault-role
    gitlab_token >"$vault/job.jwt"
    local by=(--authority vault:pki/ci-signing --authority-name "$gitlab/{project_path}" --identity-token-file "$vault/job.jwt")
    check "OpenBao: a namespace's chain is appended" "$sealmark" trust add "$trust" --from vault \
        --at "$VAULT_ADDR/v1/team/pki" --name team --tls-root "$VAULT_CACERT"
    check "OpenBao: a job signs by a namespace, and its login is ended" nobody_stays sign "${by[@]}"
    check "OpenBao: it verifies by the namespace's CA" verify --identity "$gitlab/acme/app" --certificate-authority team
    check "OpenBao: and not by the other's" \
        refused authority-mismatch verify --identity "$gitlab/acme/app" --certificate-authority vault
    VAULT_NAMESPACE=nobody check "OpenBao: a namespace that is not there is told" refused vault-login-mount sign "${by[@]}"
    unset VAULT_NAMESPACE
}

quiet release_role
by_token
by_approle
by_certificate
by_kubernetes
in_namespace
