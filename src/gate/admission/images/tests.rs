//! Every place that names an image is found; whatever cannot be read is refused.

use super::*;
use crate::base::time::UnixTime;
use crate::gate::settings::Settings;

const CONTAINERS: &str = r#""containers":[{"name":"web","image":"good"}]"#;

fn review(group: &str, kind: &str, sub_resource: &str, object: &str, old: &str) -> String {
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"1","operation":"UPDATE",
        "kind":{{"group":"{group}","version":"v1","kind":"{kind}"}},"subResource":"{sub_resource}","namespace":"n",
        "object":{object},"oldObject":{old}}}}}"#
    )
}

/// The pointers and images of what is new, or the code.
fn found(text: &str, kinds: &[KindSettings]) -> Result<Vec<(String, String)>, &'static str> {
    let json = Json::parse(text.as_bytes()).unwrap();
    let review = Review::of(&json).unwrap();
    let images = new_images(&review, kinds).map_err(|error| error.code().name())?;
    Ok(images.into_iter().map(|field| (field.pointer, field.image.to_owned())).collect())
}

fn pod(spec: &str) -> String {
    review("", "Pod", "", &format!(r#"{{"kind":"Pod","spec":{{{spec}}}}}"#), "null")
}

fn one(pointer: &str, image: &str) -> (String, String) {
    (pointer.to_owned(), image.to_owned())
}

#[test]
fn g08_init_containers() {
    let text = pod(&format!(r#"{CONTAINERS},"initContainers":[{{"name":"i","image":"bad"}}]"#));
    assert_eq!(
        found(&text, &[]),
        Ok(vec![one("/spec/containers/0/image", "good"), one("/spec/initContainers/0/image", "bad")])
    );
}

#[test]
fn g09_ephemeral_containers() {
    let object = format!(
        r#"{{"kind":"Pod","spec":{{{CONTAINERS},"ephemeralContainers":[{{"name":"debugger","image":"bad"}}]}}}}"#
    );
    let old = format!(r#"{{"kind":"Pod","spec":{{{CONTAINERS}}}}}"#);
    let text = review("", "Pod", "ephemeralcontainers", &object, &old);
    assert_eq!(found(&text, &[]), Ok(vec![one("/spec/ephemeralContainers/0/image", "bad")]));
    // Before Kubernetes 1.22 the list comes alone.
    let object = r#"{"kind":"EphemeralContainers","ephemeralContainers":[{"name":"debugger","image":"bad"}]}"#;
    let text = review("", "EphemeralContainers", "ephemeralcontainers", object, "null");
    assert_eq!(found(&text, &[]), Ok(vec![one("/ephemeralContainers/0/image", "bad")]));
}

#[test]
fn g10_image_volumes() {
    let volumes = r#""volumes":[{"name":"a","emptyDir":{}},{"name":"model","image":{"reference":"bad"}}]"#;
    let text = pod(&format!("{CONTAINERS},{volumes}"));
    assert_eq!(found(&text, &[]).unwrap()[1], one("/spec/volumes/1/image/reference", "bad"));
    let empty = volumes.replace(r#"{"reference":"bad"}"#, "{}");
    assert_eq!(found(&pod(&format!("{CONTAINERS},{empty}")), &[]), Err("image-missing"));
    let odd = volumes.replace(r#"{"reference":"bad"}"#, r#""bad""#);
    assert_eq!(found(&pod(&format!("{CONTAINERS},{odd}")), &[]), Err("admission-object"));
}

#[test]
fn g11_every_workload_kind() {
    let template = format!(r#""template":{{"spec":{{{CONTAINERS}}}}}"#);
    let spec = format!(r#""spec":{{{template}}}"#);
    for (group, kind, body, pointer) in [
        ("apps", "Deployment", spec.clone(), "/spec/template/spec"),
        ("apps", "StatefulSet", spec.clone(), "/spec/template/spec"),
        ("apps", "DaemonSet", spec.clone(), "/spec/template/spec"),
        ("apps", "ReplicaSet", spec.clone(), "/spec/template/spec"),
        ("batch", "Job", spec.clone(), "/spec/template/spec"),
        ("", "ReplicationController", spec.clone(), "/spec/template/spec"),
        ("", "PodTemplate", template.clone(), "/template/spec"),
        ("batch", "CronJob", format!(r#""spec":{{"jobTemplate":{{{spec}}}}}"#), "/spec/jobTemplate/spec/template/spec"),
    ] {
        let text = review(group, kind, "", &format!(r#"{{"kind":"{kind}",{body}}}"#), "null");
        assert_eq!(found(&text, &[]), Ok(vec![one(&format!("{pointer}/containers/0/image"), "good")]), "{kind}");
        let hollow = review(group, kind, "", &format!(r#"{{"kind":"{kind}"}}"#), "null");
        assert_eq!(found(&hollow, &[]), Err("admission-object"), "{kind}");
    }
}

#[test]
fn g12_configured_kinds_and_unknown_ones() {
    let yaml = "version: 1\npolicies: {p: p.yaml}\nnamespaces: [{names: ['*'], policy: p}]\nkinds:\n  - {group: argoproj.io, kind: Rollout, pod-spec: spec.template.spec}\n  - {group: example.com, kind: Task, image: spec.steps.*.image}\n  - {group: example.com, kind: Task, image: 'spec.a/b~.image'}\n";
    let kinds = Settings::parse(yaml.as_bytes(), UnixTime::from_secs(0)).unwrap().kinds;
    let rollout = format!(r#"{{"kind":"Rollout","spec":{{"template":{{"spec":{{{CONTAINERS}}}}}}}}}"#);
    let text = review("argoproj.io", "Rollout", "", &rollout, "null");
    assert_eq!(found(&text, &kinds), Ok(vec![one("/spec/template/spec/containers/0/image", "good")]));
    assert_eq!(found(&text, &[]), Err("admission-kind-unknown"));
    let other = review("apps.example.com", "Deployment", "", &rollout.replace("Rollout", "Deployment"), "null");
    assert_eq!(found(&other, &kinds), Err("admission-kind-unknown"));
    let scale = review("apps", "Scale", "scale", r#"{"kind":"Scale","spec":{"replicas":2}}"#, "null");
    assert_eq!(found(&scale, &kinds), Err("admission-kind-unknown"));

    let task =
        r#"{"kind":"Task","spec":{"steps":[{"image":"x"},{"script":"none"},{"image":"y"}],"a/b~":{"image":"z"}}}"#;
    let expected =
        vec![one("/spec/steps/0/image", "x"), one("/spec/steps/2/image", "y"), one("/spec/a~1b~0/image", "z")];
    assert_eq!(found(&review("example.com", "Task", "", task, "null"), &kinds), Ok(expected));
    for odd in [r#"{"steps":{}}"#, r#"{"steps":["x"]}"#, r#"{"steps":[{"image":1}]}"#] {
        let text = review("example.com", "Task", "", &format!(r#"{{"kind":"Task","spec":{odd}}}"#), "null");
        assert_eq!(found(&text, &kinds), Err("admission-object"), "{odd}");
    }
    let old = task.replace("\"y\"", "\"before\"");
    let text = review("example.com", "Task", "", task, &old);
    assert_eq!(found(&text, &kinds), Ok(vec![one("/spec/steps/2/image", "y")]));
}

#[test]
fn g13_an_update_is_about_what_is_new() {
    let object = |images: [&str; 2]| {
        format!(
            r#"{{"kind":"Pod","spec":{{"containers":[{{"name":"a","image":"{}"}},{{"name":"b","image":"{}"}}]}}}}"#,
            images[0], images[1]
        )
    };
    let update = |old: &str, new: &str| found(&review("", "Pod", "", new, old), &[]);
    let before = object(["x", "y"]);
    assert_eq!(update(&before, &before), Ok(vec![]));
    assert_eq!(update(&before, &object(["x", "z"])), Ok(vec![one("/spec/containers/1/image", "z")]));
    // The image of another container is not the image of this one.
    assert_eq!(update(&before, &object(["y", "x"])).unwrap().len(), 2);
    // An old object that is none excuses nothing.
    for old in ["null", "{}", r#"{"kind":"Pod"}"#, r#"{"kind":"Job","spec":{"containers":[{"name":"a","image":"x"}]}}"#]
    {
        assert_eq!(update(old, &before).unwrap().len(), 2, "{old}");
    }
    // An init container is not a container.
    let init = before.replace("containers", "initContainers").replace("{\"initC", "{\"containers\":[],\"initC");
    assert_eq!(update(&init, &before).unwrap().len(), 2);
}

#[test]
fn g05_objects_that_are_missing_or_of_another_kind() {
    assert_eq!(found(&review("", "Pod", "", "null", "null"), &[]), Err("admission-object-missing"));
    assert_eq!(found(&review("", "Pod", "", r#"{"kind":"Job"}"#, "null"), &[]), Err("admission-kind-mismatch"));
    assert_eq!(found(&review("", "Pod", "", "{}", "null"), &[]), Err("admission-kind-mismatch"));
}

#[test]
fn g07_too_many_images() {
    let container = r#"{"name":"x","image":"i"}"#;
    let spec = |count: usize| pod(&format!(r#""containers":[{}]"#, vec![container; count].join(",")));
    assert_eq!(found(&spec(limits::REVIEW_IMAGES), &[]).unwrap().len(), limits::REVIEW_IMAGES);
    assert_eq!(found(&spec(limits::REVIEW_IMAGES + 1), &[]), Err("admission-images"));
    assert_eq!(found(&spec(10_000), &[]), Err("admission-images"));
}

#[test]
fn containers_of_another_shape() {
    for (spec, code) in [
        ("", "admission-object"),
        (r#""containers":null"#, "admission-object"),
        (r#""containers":{}"#, "admission-object"),
        (r#""containers":["x"]"#, "admission-object"),
        (r#""containers":[{"name":"a"}]"#, "image-missing"),
        (r#""containers":[{"name":"a","image":""}]"#, "image-missing"),
        (r#""containers":[{"name":"a","image":["x"]}]"#, "admission-object"),
        (r#""containers":[],"initContainers":"x""#, "admission-object"),
    ] {
        assert_eq!(found(&pod(spec), &[]), Err(code), "{spec}");
    }
}
