//! A log that takes only so many entries of one identity: whoever signs more waits, and gets all of them.

use super::monitor::{Site, Up, free_port, told, url};
use super::{sealmark, stderr};

#[test]
fn f22_a_job_that_signs_more_than_its_rate_waits() {
    let site = Site::new();
    let stack = site.init("stack");
    let path = stack.join("stack.json");
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["rates"] = serde_json::json!({ "log": { "per_second": 4, "burst": 4 } });
    std::fs::write(&path, config.to_string()).unwrap();
    let operator = format!("127.0.0.1:{}", free_port());
    let _up = Up::spawn(sealmark(&["stack", "up", stack.to_str().unwrap(), "--operator", &operator]));
    let token =
        sealmark(&["stack", "token", stack.to_str().unwrap(), "--kind", "email", "--set", "email=me@example.com"]);
    std::fs::write(site.path("token.jwt"), { token }.output().unwrap().stdout).unwrap();
    let files: Vec<_> = (0..12).map(|number| format!("file{number}")).collect();
    for file in &files {
        std::fs::write(site.path(file), file).unwrap();
    }
    let mut sign = sealmark(&["sign", "blob", "--stack", "stack", "--identity-token-file", "token.jwt"]);
    let output = sign.args(&files).current_dir(site.path("")).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    for file in &files {
        let issuer = url(&stack);
        let args = ["verify", "blob", file, "--stack", "stack", "--identity", "me@example.com", "--issuer", &issuer];
        let output = sealmark(&args).current_dir(site.path("")).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let metrics = told(&operator, "/metrics");
    assert!(metrics.contains(r#"sealmark_requests_total{service="log",status="429"} "#), "{metrics}");
    assert!(metrics.contains("\nsealmark_log_entries 12\n"), "{metrics}");
}
