# For tests/interop/run and images: checks that print `ok` and `not ok`, requests, and tokens.

failed=0
count=0

# check WORDS COMMAND…: the command must succeed. refuse: it must fail.
check() {
    local words=$1
    shift
    count=$((count + 1))
    if "$@" >"$work/log" 2>&1; then
        echo "ok $count - $words"
        return 0
    fi
    failed=$((failed + 1))
    echo "not ok $count - $words"
    sed 's/^/    # /' "$work/log" | tail -20
    return 1
}
not() { ! "$@"; }
refuse() { check "$1" not "${@:2}"; }

# post URL CONTENT-TYPE BODY-FILE: the answer's body.
post() {
    python3 -c '
import sys, urllib.request
url, kind, body = sys.argv[1:]
request = urllib.request.Request(url, open(body, "rb").read(), {"Content-Type": kind})
sys.stdout.buffer.write(urllib.request.urlopen(request, timeout=10).read())' "$@"
}

# token ISSUER PARAMETER=VALUE: by client credentials, as any OpenID Connect client asks.
token() {
    printf 'grant_type=client_credentials&client_id=sealmark&client_secret=%s&%s' \
        "$(cat "$stack/keys/client-secret")" "$2" >"$work/form"
    post "$1/token" application/x-www-form-urlencoded "$work/form" |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["id_token"])'
}

# A CI job's, and a person's.
job_issuer=$url/github
job=https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.0.0
job_token() { token "$job_issuer" repository=acme/app; }
person_issuer=$url
person=signer@example.com
person_token() { token "$person_issuer" email=signer@example.com; }

# signed_by BUNDLE WHO: a bundle to be verified by every client, and who signed it.
declare -A identity issuer
bundles=()
signed_by() {
    if [ "$2" = job ]; then
        identity[$1]=$job issuer[$1]=$job_issuer
    else
        identity[$1]=$person issuer[$1]=$person_issuer
    fi
    bundles+=("$1")
}
