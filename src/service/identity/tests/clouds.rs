//! What the pages of clouds and of Kubernetes show: the variables and files of a pod, and examples of tokens.

use super::found::{platform, shows_fix};
use super::*;

/// A pod as its cloud's webhook makes it: the variables, the file that one of them names, and whom its token is for.
struct Pod {
    key: &'static str,
    variables: &'static [(&'static str, &'static str)],
    file: &'static str,
    audience: &'static str,
}

const PODS: [Pod; 2] = [
    // <https://docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html>
    Pod {
        key: "eks",
        variables: &[
            ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/my-role"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"),
        ],
        file: "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
        audience: "sts.amazonaws.com",
    },
    // <https://azure.github.io/azure-workload-identity/docs/installation/mutating-admission-webhook.html>
    Pod {
        key: "aks",
        variables: &[
            ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com/"),
            ("AZURE_CLIENT_ID", "00000000-0000-0000-0000-000000000000"),
            ("AZURE_TENANT_ID", "11111111-1111-1111-1111-111111111111"),
            ("AZURE_FEDERATED_TOKEN_FILE", "/var/run/secrets/azure/tokens/azure-identity-token"),
        ],
        file: "/var/run/secrets/azure/tokens/azure-identity-token",
        audience: "api://AzureADTokenExchange",
    },
];

/// Every pod of them has the cluster's own token too, and is not taken for a cluster that nobody knows.
#[test]
fn pods_of_clouds_have_a_token_for_their_cloud() {
    for Pod { key, variables, file, audience } in PODS {
        let token = |audience: &str| jwt(&format!(r#"{{"iss":"https://k","sub":"s","aud":["{audience}"]}}"#));
        let mut pod = FixedEnvironment::with_variables([("KUBERNETES_SERVICE_HOST", "10.0.0.1")])
            .with_file("/var/run/secrets/kubernetes.io/serviceaccount/token", token("https://k"))
            .with_file(file, token(audience));
        pod.variables.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let error = search(pod.clone()).unwrap_err();
        assert_eq!(error.code().name(), "identity-undeclared", "{key}");
        assert!(error.to_string().contains(&format!("there is one for {audience:?}")), "{error}");
        shows_fix(&error, key);
        let second = pod.with_file("/var/run/sigstore/cosign/oidc-token", good());
        assert_eq!(search(second).unwrap().origin(), "projected token file", "{key}");
    }
}

/// The second token: `expirationSeconds` is at least 600, `path` is below the mount, and no `subPath` keeps it from
/// being renewed (<https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken>).
#[test]
fn the_volume_is_one_that_kubernetes_takes() {
    for key in ["projected", "eks", "aks", "kubernetes"] {
        let lines = platform(key).fix.lines.replace("{audience}", SIGSTORE_AUDIENCE);
        let spec: serde_json::Value = serde_saphyr::from_str(&lines).unwrap();
        let source = &spec["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"];
        assert!(source["expirationSeconds"].as_u64().unwrap() >= 600, "{key}");
        assert_eq!(source["audience"], SIGSTORE_AUDIENCE, "{key}");
        let mount = &spec["containers"][0]["volumeMounts"][0];
        assert_eq!(mount["name"], spec["volumes"][0]["name"], "{key}");
        assert!(mount["subPath"].is_null(), "{key}");
        let path = format!("{}/{}", mount["mountPath"].as_str().unwrap(), source["path"].as_str().unwrap());
        assert_eq!(path, "/var/run/sigstore/cosign/oidc-token", "{key}");
    }
}

/// Clusters by their issuers: those that the public Fulcio takes, and others.
#[test]
fn issuers_of_clusters() {
    let name = San::Uri("https://kubernetes.io/namespaces/ci/serviceaccounts/signer".to_owned());
    for (issuer, public) in [
        ("https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E", true),
        // China has hosts of its own (<https://github.com/aws/aws-sdk-js-v3/issues/5083>), which Fulcio does not take.
        ("https://oidc.eks.cn-north-1.amazonaws.com.cn/id/EXAMPLED539D4633E53DE1B716D3041E", false),
        // <https://learn.microsoft.com/azure/aks/use-oidc-issuer>, with its slash
        (
            "https://eastus.oic.prod-aks.azure.com/00000000-0000-0000-0000-000000000000/11111111-1111-1111-1111-111111111111/",
            true,
        ),
        ("https://container.googleapis.com/v1/projects/my-project/locations/us-west1-b/clusters/my-cluster", true),
        ("https://kubernetes.default.svc.cluster.local", false),
    ] {
        let token = format!(
            r#"{{"iss":"{issuer}","sub":"system:serviceaccount:ci:signer",
            "kubernetes.io":{{"namespace":"ci","serviceaccount":{{"name":"signer"}}}}}}"#
        );
        let expected = if public { ExpectedIdentity::Certain } else { ExpectedIdentity::Likely };
        assert_eq!(claims(&token).expected_identity(), expected(name.clone()), "{issuer}");
    }
}

/// The metadata server's token in the full format has the account's e-mail address, in the standard one a number
/// (<https://cloud.google.com/compute/docs/instances/verifying-instance-identity>).
#[test]
fn a_machine_of_google_is_its_service_account() {
    let full = r#"{"iss":"https://accounts.google.com","sub":"112179062720391305885","azp":"112179062720391305885",
        "email":"signer@my-project.iam.gserviceaccount.com","email_verified":true,
        "google":{"compute_engine":{"project_id":"my-project","zone":"us-west1-a","instance_id":"152986662232938449"}}}"#;
    let account = San::Email("signer@my-project.iam.gserviceaccount.com".to_owned());
    assert_eq!(claims(full).expected_identity(), ExpectedIdentity::Certain(account));
    assert!(platform("google").is_public_issuer(claims(full).issuer().unwrap()));
    let standard = r#"{"iss":"https://accounts.google.com","sub":"112179062720391305885"}"#;
    assert_eq!(claims(standard).expected_identity(), ExpectedIdentity::Open);
}
