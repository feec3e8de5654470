//! Twenty writers of one list, each with a store of its own, as processes have.

use super::*;

/// As a process has it: docker-registry answers 500 to whoever reads a tag while another writes it.
fn patient() -> RegistryStore {
    RegistryStore::new(RegistrySettings::default(), Arc::new(FixedEnvironment::default()))
}

async fn all_write(repository: &Repository, writers: usize) -> usize {
    let image = image(&patient(), repository, "v1").await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..writers {
        let image = image.clone();
        tasks.spawn(async move {
            let store = patient();
            let bundle = bundle(&store, &image, format!("by writer {number}").as_bytes()).await;
            store.attach(&bundle).await.unwrap();
        });
    }
    tasks.join_all().await;
    patient().referrers(image.image(), None).await.unwrap().descriptors.len()
}

fn on_threads<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap().block_on(future)
}

#[test]
fn twenty_writers_of_a_registry_that_heeds_conditions() {
    let registry = TestRegistry::start(Options { referrers: false, conditional: true, ..Options::default() });
    assert_eq!(on_threads(all_write(&repository(&registry.authority), 20)), 20);
}

#[test]
fn twenty_writers_of_a_registry_that_does_not() {
    let registry = TestRegistry::start(Options { referrers: false, ..Options::default() });
    assert_eq!(on_threads(all_write(&repository(&registry.authority), 20)), 20);
}

#[test]
fn twenty_writers_of_docker_registry() {
    let Some(registry) = RealRegistry::docker() else { return };
    assert_eq!(on_threads(all_write(&repository(&registry.authority), 20)), 20);
}

#[test]
fn conditions_that_a_registry_does_not_mean_are_left_out() {
    for weak in [true, false] {
        // It answers 412 to every condition, and gives validators that a proxy has weakened, or not.
        let registry = TestRegistry::start(Options {
            referrers: false,
            lie: Some(Box::new(move |asked| {
                let condition = asked.header("if-match").or(asked.header("if-none-match"));
                assert!(!weak || asked.header("if-match").is_none(), "a weak validator in If-Match");
                condition.map(|_| Answer::error(412, "PRECONDITION_FAILED"))
            })),
            weak_etags: weak,
            ..Options::default()
        });
        assert_eq!(on_threads(all_write(&repository(&registry.authority), 3)), 3);
    }
}
