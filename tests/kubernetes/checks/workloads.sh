# Everything that has a pod template, ephemeral containers and image volumes.

# workload KIND IMAGE: a manifest.
workload() {
    local template="{metadata: {labels: {app: a}}, spec: {restartPolicy: Always, containers: [{name: web, image: '$2'}]}}"
    local selector='selector: {matchLabels: {app: a}}' once=${template/Always/Never}
    local head="{kind: $1, metadata: {name: ${3:-a}, namespace: prod}"
    case $1 in
        Deployment | ReplicaSet | DaemonSet) echo "${head/\{/\{apiVersion: apps/v1, }, spec: {$selector, template: $template}}" ;;
        StatefulSet) echo "${head/\{/\{apiVersion: apps/v1, }, spec: {serviceName: a, $selector, template: $template}}" ;;
        ReplicationController) echo "${head/\{/\{apiVersion: v1, }, spec: {selector: {app: a}, template: $template}}" ;;
        PodTemplate) echo "${head/\{/\{apiVersion: v1, }, template: $template}" ;;
        Job) echo "${head/\{/\{apiVersion: batch/v1, }, spec: {template: $once}}" ;;
        CronJob) echo "${head/\{/\{apiVersion: batch/v1, }, spec: {schedule: '0 4 * * *', jobTemplate: {spec: {template: $once}}}}" ;;
    esac
}
# kubectl takes what begins with a brace for JSON.
apply() { { echo '---' && "$@"; } | kubectl apply -f -; }

for kind in Deployment StatefulSet DaemonSet ReplicaSet ReplicationController PodTemplate Job CronJob; do
    case $kind in
        PodTemplate) at=.template ;;
        CronJob) at=.spec.jobTemplate.spec.template ;;
        *) at=.spec.template ;;
    esac
    check "a $kind with an unsigned image is denied" \
        told "image \"$unsigned\" of container \"web\" is not admitted: image-unsigned: " apply workload "$kind" "$unsigned"
    check "a $kind with a good image is let in" apply workload "$kind" "$good"
    check "and its template has the digest" is "$pinned" image_of prod "$kind/a" "$at.spec.containers[0].image"
done

with_init() { echo "{apiVersion: v1, kind: Pod, metadata: {name: $1, namespace: prod}, spec: {initContainers: [{name: first, image: '$2'}], containers: [{name: web, image: '$good'}]}}"; }
check "an init container with an unsigned image is denied" \
    told "image \"$unsigned\" of init container \"first\" is not admitted: image-unsigned: " apply with_init init "$unsigned"
check "an init container with a good image is let in" apply with_init init "$good"
check "and its image is a digest" is "$pinned" image_of prod pod/init .spec.initContainers[0].image

with_volume() { echo "{apiVersion: v1, kind: Pod, metadata: {name: $1, namespace: prod}, spec: {volumes: [{name: data, image: {reference: '$2'}}], containers: [{name: web, image: '$good', volumeMounts: [{name: data, mountPath: /data}]}]}}"; }
check "an image volume of an unsigned image is denied" \
    told "image \"$unsigned\" of volume \"data\" is not admitted: image-unsigned: " apply with_volume volume "$unsigned"
check "an image volume of a good image is let in" apply with_volume volume "$good"
check "and its reference is a digest" is "$pinned" image_of prod pod/volume .spec.volumes[0].image.reference

debug() { kubectl -n prod debug good --image="$1" --container=debugger --attach=false; }
check "kubectl debug with an unsigned image is denied" \
    told "image \"$unsigned\" of ephemeral container \"debugger\" is not admitted: image-unsigned: " debug "$unsigned"
check "kubectl debug with a good image is let in" debug "$good"
check "and its image is a digest" is "$pinned" image_of prod pod/good .spec.ephemeralContainers[0].image
