# For tests/authorities/openbao.sh: the job that src/manual/authorities.md prints, as it is printed but for the names of
# the places, run by gitlab-ci-local. Its variables and its token come from here, as a GitLab runner has them from GitLab.

# The registry, with an image in it: Debian's, or that of tests/registry. Leaves `registry` and `digest`.
image_is_there() {
    local port
    port=$(free_port) registry=127.0.0.1:$port/acme/app
    if command -v docker-registry; then
        printf 'version: 0.1\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:%s"}\n' \
            "$vault/registry" "$port" >"$vault/registry.yml"
        start registry.log docker-registry serve "$vault/registry.yml"
    else
        start registry.log "$(registry_of_tests)" "127.0.0.1:$port"
    fi
    until_it_answers "$port"
    mkdir -p "$vault/files" && echo 'a program' >"$vault/files/program"
    (cd "$vault" && umoci init --layout layout && umoci new --image layout:v1 &&
        umoci insert --rootless --image layout:v1 files /) || return 1
    skopeo --insecure-policy copy --dest-tls-verify=false --digestfile "$vault/digest" "oci:$vault/layout:v1" \
        "docker://$registry:v1" || return 1
    digest=$(cat "$vault/digest")
}
registry_of_tests() { PATH=$PATH:${SEALMARK_PEERS:-$target/peers}/go/bin command -v registry-referrers; }

# The repository: the manual's job, where the GitLab is this one.
repository_is_there() {
    mkdir -p "$vault/repository" "$vault/tools" && ln -s "$(realpath "$sealmark")" "$vault/tools/sealmark"
    cp "$trust" "$vault/repository/client_trust_config.json"
    python3 - src/manual/authorities.md "$gitlab" >"$vault/repository/.gitlab-ci.yml" <<'PY'
import re, sys
page = open(sys.argv[1]).read().split("\n## GitLab, Vault and Kubernetes\n")[1]
job = re.search(r"```yaml\n(release:\n.*?)```", page, re.S)[1]
assert job.count("https://gitlab.com") == 1
print(job.replace("https://gitlab.com", sys.argv[2]))
PY
    (
        cd "$vault/repository" && git init --quiet --initial-branch main . &&
            git -c user.name=a -c user.email=a@b.invalid add -A &&
            git -c user.name=a -c user.email=a@b.invalid commit --quiet --message app &&
            git remote add origin https://gitlab.example.invalid/acme/app.git
    )
}

# pipeline [CLAIM=VALUE…]: it runs, with a token of these claims.
pipeline() {
    (cd "$vault/repository" && XDG_CACHE_HOME=$vault/cache PATH=$vault/tools:$PATH node "$local_ci" --force-shell-executor \
        --variable GITLAB_CI=true --variable "VAULT_ADDR=$VAULT_ADDR" --variable "VAULT_CACERT=$VAULT_CACERT" \
        --variable "CI_REGISTRY_IMAGE=$registry" --variable "DIGEST=$digest" --variable "KUBECONFIG=$KUBECONFIG" \
        --variable "SIGSTORE_ID_TOKEN=$(cd "$OLDPWD" && gitlab_token "$@")")
}
verify_image() { "$sealmark" verify image "$registry@$digest" --trust-config "$trust" "$@"; }

walkthrough() {
    local tool local_ci=${SEALMARK_PEERS:-$target/peers}/pipelines/gitlab/node_modules/.bin/gitlab-ci-local registry digest
    for tool in node rsync git umoci skopeo; do
        command -v "$tool" >/dev/null || { echo "left out: the walkthrough as a pipeline: no $tool" && return; }
    done
    [ -e "$local_ci" ] || { echo "left out: the walkthrough as a pipeline: no $local_ci (examples/pipelines/run.sh installs it)" && return; }
    command -v docker-registry >/dev/null || registry_of_tests >/dev/null ||
        { echo "left out: the walkthrough as a pipeline: no registry" && return; }
    the_cluster || { echo "left out: the walkthrough as a pipeline: no Kubernetes" && return; }
    quiet image_is_there
    quiet repository_is_there
    kubectl -n prod delete secret app-tls --ignore-not-found >"$work/log" 2>&1
    check "The walkthrough: a job on a branch that anyone may push to fails" \
        refused vault-claims pipeline ref_protected=false
    check "The walkthrough: and leaves nothing in the registry and the cluster" eval \
        'refused image-unsigned verify_image --identity "$gitlab/acme/app" --certificate-authority vault &&
            not kubectl -n prod get secret app-tls'
    check "The walkthrough: a job signs the image, and the cluster gets its certificate" nobody_stays pipeline
    check "The walkthrough: the image verifies by the project's name and the authority's" \
        verify_image --identity "$gitlab/acme/app" --certificate-authority vault
    check "The walkthrough: and by no other project's" \
        refused identity-mismatch verify_image --identity "$gitlab/acme/other" --certificate-authority vault
    check "The walkthrough: the Secret has the key and the certificate of the service" eval '
        kubectl -n prod get secret app-tls -o json >"$vault/secret.json"
        for part in crt key; do
            python3 -c "import base64, json, sys; print(base64.b64decode(json.load(open(sys.argv[1]))[\"data\"][sys.argv[2]]).decode())" \
                "$vault/secret.json" "tls.$part" >"$vault/secret.$part" || exit 1
        done
        cmp <(openssl pkey -in "$vault/secret.key" -pubout) <(openssl x509 -in "$vault/secret.crt" -noout -pubkey) &&
            of_names "$vault/secret.crt" DNS:app.example.com && serves "$vault/secret.crt" "$vault/pki-root.crt"'
}
walkthrough
