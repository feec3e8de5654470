//! What a verifier of images has to fetch, fetched with `oci-client`: the image's manifest by tag, its referrers, and
//! each bundle. For `tests/bench/images`, which counts the requests and takes the time of the whole process:
//! `cargo bench --manifest-path tests/oracles/Cargo.toml --bench images -- HOST/PATH:TAG`.

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::manifest::OciDescriptor;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};

fn main() {
    let Some(image) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) else {
        println!("left out: no image was named");
        return;
    };
    // Its client wants one made before it asks anything, of plain http, too.
    rustls::crypto::aws_lc_rs::default_provider().install_default().expect("the first provider");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let bytes = runtime.block_on(fetch(&image));
    println!("{bytes} bytes of bundles");
}

async fn fetch(image: &str) -> usize {
    let client = Client::new(ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() });
    let anonymous = RegistryAuth::Anonymous;
    let image: Reference = image.parse().expect("a reference");
    let (_, digest) = client.pull_manifest(&image, &anonymous).await.expect("the image");
    let image = image.clone_with_digest(digest);
    let listed = client.pull_referrers(&image, None).await.expect("its referrers");
    let mut bytes = 0;
    for referrer in listed.manifests {
        let name = image.clone_with_digest(referrer.digest);
        let (manifest, _) = client.pull_image_manifest(&name, &anonymous).await.expect("a bundle's manifest");
        for layer in &manifest.layers {
            bytes += blob(&client, &name, layer).await;
        }
    }
    bytes
}

async fn blob(client: &Client, image: &Reference, layer: &OciDescriptor) -> usize {
    let mut content = Vec::new();
    client.pull_blob(image, layer, &mut content).await.expect("a bundle");
    content.len()
}
