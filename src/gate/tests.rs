//! The gate as the API server and a pipeline meet it, over registries that answer, change, fail and do not answer.

mod bodies;
mod failing;
mod images;
mod policies;
mod traced;
mod verdicts;

const APP: &str = "registry.example.com/acme/app";
