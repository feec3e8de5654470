# Changes of what is there, however they are sent.

check "an update to an unsigned image is denied" \
    told "image \"$unsigned\" of container \"web\" is not admitted: image-unsigned: " \
    kubectl -n prod set image deployment/a "web=$unsigned"
check "a patch to an unsigned image is denied" \
    told "image-unsigned: " kubectl -n prod patch deployment/a --type json \
    -p '[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"'"$unsigned"'"}]'
server_side() { { echo '---' && workload Deployment "$unsigned"; } | kubectl apply --server-side --force-conflicts -f -; }
check "a server-side apply of an unsigned image is denied" told "image-unsigned: " server_side
check "a dry run is denied as well" told "image-unsigned: " pod prod dry "$unsigned" --dry-run=server
check "the same manifest again is let in, and leaves the digest" apply workload Deployment "$good"
check "for it is resolved anew" is "$pinned" image_of prod deployment/a .spec.template.spec.containers[0].image
check "what names no new image is let in" kubectl -n prod scale deployment/a --replicas=3
check "and so is a deletion" kubectl -n prod delete pod/digest --wait=false
