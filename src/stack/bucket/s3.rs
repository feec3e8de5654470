//! A log's place in an S3-compatible service: the requests and signatures of `object_store`, over the one HTTP client.
//! Nothing is repeated here: who publishes looks at what stands there, and comes again.

use std::fmt;
use std::future::Future;
use std::path::Path as FilePath;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::client::{self, HttpConnector, HttpErrorKind, HttpRequest, HttpResponse, HttpService};
use object_store::path::Path;
use object_store::{
    ClientOptions, Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, RetryConfig, UpdateVersion,
};
use tokio::runtime::{Builder, Runtime};

use super::BucketAt;
use crate::base::limits;
use crate::service::environment::SystemEnvironment;
use crate::service::http::{Endpoint, Exchange, HttpClient, Repeat, Service, Settings};
use crate::stack::log::bucket::{Bucket, Object, Put, Tag, Unanswered};

const PATIENCE: Duration = Duration::from_secs(limits::BUCKET_ANSWER_SECS);

/// Names under a prefix of a bucket.
pub(super) struct S3 {
    store: Arc<AmazonS3>,
    bucket: String,
    prefix: String,
    /// Taken when it ends: it may end within another one.
    runtime: Option<Runtime>,
}

impl S3 {
    /// A log's place. Credentials are the environment's, as AWS's tools have them.
    pub(super) fn open(at: &BucketAt, dir: &FilePath, bucket: &str, prefix: String) -> Result<Self, String> {
        let extra_roots = match &at.ca {
            Some(file) => {
                let path = dir.join(file);
                Some(std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?)
            }
            None => None,
        };
        let settings = Settings {
            budget: PATIENCE,
            attempt_timeout: PATIENCE,
            attempts: 1,
            extra_roots,
            ..Settings::from_environment(&SystemEnvironment)
        };
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            // The endpoint is judged by the HTTP client.
            .with_allow_http(true)
            .with_http_connector(Connector(HttpClient::new(settings)));
        if let Some(endpoint) = &at.endpoint {
            Endpoint::parse(Service::ObjectStore, endpoint).map_err(|error| error.to_string())?;
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        if let Some(region) = &at.region {
            builder = builder.with_region(region);
        }
        let store = builder.build().map_err(|error| error.to_string())?;
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("bucket").enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        Ok(Self { store: Arc::new(store), bucket: bucket.to_owned(), prefix, runtime: Some(runtime) })
    }

    /// Waits for an answer, from whatever thread.
    fn ask<T, F>(&self, name: &str, work: impl FnOnce(Arc<AmazonS3>, Path) -> F) -> Result<Result<T, Error>, Unanswered>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let unanswered = |what: &str| Unanswered::of(name, what);
        let path = Path::from(format!("{}/{name}", self.prefix));
        let runtime = self.runtime.as_ref().ok_or_else(|| unanswered("it is ending"))?;
        let (answer, answered) = mpsc::sync_channel(1);
        let work = work(Arc::clone(&self.store), path);
        runtime.spawn(async move {
            // Who asked is waiting for it.
            let _ = answer.send(tokio::time::timeout(PATIENCE, work).await);
        });
        answered.recv().map_err(|_| unanswered("it ended"))?.map_err(|_| unanswered("no answer in time"))
    }

    fn put(&self, name: &str, bytes: &[u8], mode: PutMode) -> Result<Result<(), Error>, Unanswered> {
        let payload = PutPayload::from(bytes.to_vec());
        self.ask(name, |store, path| async move {
            let options = PutOptions { mode, ..PutOptions::default() };
            store.put_opts(&path, payload, options).await.map(drop)
        })
    }
}

impl Bucket for S3 {
    fn place(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix)
    }

    fn get(&self, name: &str) -> Result<Option<Object>, Unanswered> {
        let read = self.ask(name, |store, path| async move {
            let read = store.get(&path).await?;
            let tag = read.meta.e_tag.clone();
            Ok((read.bytes().await?.to_vec(), tag))
        })?;
        match read {
            Ok((bytes, Some(tag))) => Ok(Some(Object { bytes, tag: Tag(tag) })),
            Ok((_, None)) => Err(Unanswered::of(name, "the answer has no ETag")),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(name, &error)),
        }
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<Put, Unanswered> {
        match self.put(name, bytes, PutMode::Create)? {
            Ok(()) => Ok(Put::Done),
            // 409 is no answer: another write of it was under way.
            Err(Error::AlreadyExists { source, .. }) if is_refusal(source.as_ref()) => Ok(Put::Refused),
            Err(error) => Err(failed(name, &error)),
        }
    }

    fn replace(&self, name: &str, bytes: &[u8], tag: &Tag) -> Result<Put, Unanswered> {
        let version = UpdateVersion { e_tag: Some(tag.0.clone()), version: None };
        match self.put(name, bytes, PutMode::Update(version))? {
            Ok(()) => Ok(Put::Done),
            Err(Error::Precondition { .. }) => Ok(Put::Refused),
            Err(error) => Err(failed(name, &error)),
        }
    }

    fn remove(&self, name: &str) -> Result<(), Unanswered> {
        self.ask(name, |store, path| async move { store.delete(&path).await })?.map_err(|error| failed(name, &error))
    }
}

/// Whether a condition of ours was answered with no: 412, or the 304 of some stores.
fn is_refusal(source: &(dyn std::error::Error + 'static)) -> bool {
    matches!(source.downcast_ref(), Some(Error::Precondition { .. } | Error::NotModified { .. }))
}

fn failed(name: &str, error: &Error) -> Unanswered {
    let mut what = error.to_string();
    what.retain(|c| !c.is_control());
    Unanswered::of(name, what.chars().take(400).collect::<String>())
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3({})", self.place())
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The one HTTP client, as `object_store` asks for one.
#[derive(Debug, Clone)]
struct Connector(HttpClient);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<client::HttpClient> {
        Ok(client::HttpClient::new(self.clone()))
    }
}

impl HttpService for Connector {
    fn call<'s, 'f>(
        &'s self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, client::HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let failed = |error| client::HttpError::new(HttpErrorKind::Unknown, error);
            let endpoint = Endpoint::parse(Service::ObjectStore, &parts.uri.to_string()).map_err(failed)?;
            let body = body.collect().await?.to_bytes();
            let exchange = Exchange {
                service: Service::ObjectStore,
                method: &parts.method,
                endpoint: &endpoint,
                headers: &parts.headers,
                body: (!body.is_empty()).then_some(&*body),
                limit: limits::BUCKET_OBJECT_BYTES,
                repeat: Repeat::Never,
                secrets: &[],
            };
            let answer = self.0.exchange(&exchange).await.map_err(failed)?;
            let mut response = HttpResponse::new(answer.body.into());
            *response.headers_mut() = answer.headers;
            *response.status_mut() = axum::http::StatusCode::from_u16(answer.status).unwrap_or_default();
            Ok(response)
        })
    }
}
