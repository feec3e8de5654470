# Pods: what kubectl prints, and what is kept.

# told TEXT COMMAND…: the command fails, and prints the text.
told() {
    local said
    said=$("${@:2}" 2>&1) && { echo "it was let in: $said" && return 1; }
    echo "$said"
    case $said in *"$1"*) ;; *) echo "does not say: $1" && return 1 ;; esac
}
image_of() { kubectl -n "$1" get "$2" -o jsonpath="{$3}"; }
is() { [ "$("${@:2}")" = "$1" ] || { echo "$("${@:2}") is not $1" && return 1; }; }
names() { kubectl -n "$1" get pods -o name | paste -sd' '; }
pod() { kubectl -n "$1" run "$2" --image="$3" "${@:4}"; }

pinned=${good%:*}@$good_digest
denied='Error from server (Forbidden): admission webhook "pin.sealmark-gate.svc" denied the request: '
refused_by='Error from server: admission webhook "pin.sealmark-gate.svc" denied the request: '
check "a good image is let in" pod prod good "$good"
check "and its tag has become the digest that was verified" is "$pinned" image_of prod pod/good .spec.containers[0].image
check "a good digest is let in as it is" pod prod digest "$pinned"
check "and stays as it is" is "$pinned" image_of prod pod/digest .spec.containers[0].image
check "a tampered image is denied, and kubectl says why" \
    told "${denied}image \"$tampered\" of container \"tampered\" is not admitted: oci-subject: " pod prod tampered "$tampered"
check "an unsigned image is denied, and kubectl says why" \
    told "${denied}image \"$unsigned\" of container \"unsigned\" is not admitted: image-unsigned: " pod prod unsigned "$unsigned"
check "an image that another workflow signed is denied, and kubectl says who did" \
    told "$(workflow acme/tools)" pod prod stranger "$stranger"
check "an image that could not be looked at is denied, and kubectl says that it could not" \
    told "image \"$unreachable\" of container \"unreachable\" could not be checked: registry-unreachable: " \
    pod prod unreachable "$unreachable"
check "nothing of what was denied is there" is "pod/digest pod/good" names prod
