use super::*;
use crate::base::time::UnixTime;
use crate::policy::condition::Prepared;

const STATEMENT: &str = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"https://example.com/p",
"predicate":{"critical":0,"name":"app","when":"2026-11-26T10:00:00Z","scan":"{\"clean\":true}","items":[1,2,3],"score":9.8,"large":9007199254740993}}"#;

fn ask(policy: &str) -> Result<(), Refusal> {
    let rego = Rego::compile(None, policy).unwrap_or_else(|problem| panic!("{problem}: {policy}"));
    let json = Json::parse(STATEMENT.as_bytes()).unwrap();
    rego.meet(&Seen {
        statement: Some(&json),
        predicate: json.member("predicate"),
        prepared: &Prepared::of(json.member("predicate")),
        predicate_type: "https://example.com/p",
        now: UnixTime::parse_rfc3339("2026-11-26T12:00:00Z").unwrap(),
        signed: None,
    })
}

fn said(policy: &str) -> String {
    ask(policy).unwrap_err().to_string()
}

fn problem(policy: &str) -> String {
    Rego::compile(None, policy).map(drop).unwrap_err()
}

/// As `cosign verify-attestation --policy` and ClusterImagePolicies have them.
#[test]
fn policies_of_the_field() {
    for yes in [
        "package signature\nallow { input.predicateType == \"https://example.com/p\" }",
        "package signature\n\ndefault allow = false\n\nallow {\n  input.predicate.critical == 0\n  clean\n}\nclean {\n  scan := json.unmarshal(input.predicate.scan)\n  scan.clean\n}",
        "package signature\nimport rego.v1\nallow if {\n  some item in input.predicate.items\n  item == 3\n}\ndeny contains \"never\" if input.predicate.critical > 0",
        "package sigstore\ndefault isCompliant = false\nisCompliant {\n  startswith(input.predicate.name, \"a\")\n}",
        "package sigstore\nisCompliant = [{\"result\": false, \"error\": \"a\"}, {\"result\": true, \"warning\": null}]",
        "package sigstore\nisCompliant[response] {\n  result = input.predicate.critical == 0\n  response = {\"result\": result, \"error\": \"\", \"warning\": \"\"}\n}",
        "package sigstore\nisCompliant {\n  age := time.now_ns() - time.parse_rfc3339_ns(input.predicate.when)\n  age == 2 * 3600000000000\n}",
        "package sigstore\nisCompliant { regex.match(\"^a[p]+$\", input.predicate.name); glob.match(\"a*\", [], input.predicate.name) }",
        "package sigstore\nisCompliant { sprintf(\"%s-%d-%v%%\", [input.predicate.name, 1, true]) == \"app-1-true%\" }",
        "package sigstore\nisCompliant { concat(\"/\", [\"a\", \"b\"]) == \"a/b\"; count(array.concat([1], [2])) == 2 }",
        "package sigstore\nisCompliant { numbers.range(3, 1) == [3, 2, 1]; replace(\"aa\", \"a\", \"b\") == \"bb\" }",
        "package sigstore\nisCompliant { input.predicate.score > 9.5; input.predicate.large == 9007199254740993 }",
        "package sigstore\nisCompliant { base64.decode(base64.encode(\"x\")) == \"x\"; json.marshal({\"a\": 1}) == \"{\\\"a\\\":1}\" }",
    ] {
        ask(yes).unwrap_or_else(|refusal| panic!("{refusal}: {yes}"));
    }
}

/// Anything but a yes is a no, and the reason has the rule and the values.
#[test]
fn a15_rego_only_true_is_a_yes() {
    for (policy, expected) in [
        (
            "package signature\nallow { input.predicate.critical == 1 }",
            "data.signature.allow is undefined (with input.predicate.critical = 0)",
        ),
        (
            "package signature\ndefault allow = false\nallow { input.predicate.nothing }",
            "data.signature.allow is false (with input.predicate.nothing = absent)",
        ),
        (
            "package signature\nallow { input.predicate.score < 7 }",
            "data.signature.allow is undefined (with input.predicate.score = 9.8)",
        ),
        ("package signature\nallow = \"true\"", "data.signature.allow is \"true\""),
        ("package signature\nallow = 1", "data.signature.allow is 1"),
        ("package signature\nallow = [true]", "data.signature.allow is [true]"),
        (
            "package sigstore\nisCompliant[r] { r := {\"result\": \"true\"} }",
            "data.sigstore.isCompliant is [{\"result\":\"true\"}]",
        ),
        ("package sigstore\nisCompliant[r] { r := {\"result\": false, \"error\": \"too old\"} }", "too old"),
        // What policy-controller takes for no yes: a warning, and a result that it cannot read beside a good one.
        ("package sigstore\nisCompliant[r] { r := {\"result\": true, \"warning\": \"old\"} }", "\"warning\":\"old\""),
        (
            "package sigstore\nisCompliant = [{\"result\": true}, {\"result\": true, \"warning\": \"old\"}]",
            "\"warning\":\"old\"",
        ),
        ("package sigstore\nisCompliant = [{\"result\": true}, {\"result\": 1}]", "{\"result\":1}"),
        ("package sigstore\nisCompliant = [{\"result\": true}, 7]", "7]"),
        ("package sigstore\nisCompliant = [{\"result\": true, \"error\": 7}]", "\"error\":7"),
        (
            "package signature\nallow = true\ndeny[msg] { input.predicate.critical == 0; msg := \"no\" }",
            "data.signature.deny is [\"no\"]",
        ),
        ("package signature\nallow = true\ndeny = true", "data.signature.deny is true"),
    ] {
        let refusal = ask(policy).unwrap_err();
        assert_eq!(refusal.code().name(), "policy-condition", "{policy}");
        assert!(refusal.to_string().contains(expected), "{refusal}");
    }
    // An error is none either, not even behind `not`.
    for (policy, expected) in [
        ("package signature\nallow { startswith(input.predicate.critical, \"0\") }", "expects string"),
        ("package signature\nallow { not startswith(input.predicate.critical, \"0\") }", "expects string"),
        (
            "package signature\nallow = true { input.predicate.critical == 0 }\nallow = false { input.predicate.critical == 0 }",
            "conflicts",
        ),
    ] {
        let refusal = ask(policy).unwrap_err();
        assert_eq!(refusal.code().name(), "policy-error", "{policy}");
        assert!(refusal.to_string().contains(expected), "{refusal}");
    }
}

#[test]
fn a15_rego_that_is_not_taken() {
    for (policy, expected) in [
        ("", "1 to"),
        ("package other\nallow = true", "its package is neither"),
        ("package signature\nok = true", "no rule `allow`"),
        ("package sigstore\nallow = true", "no rule `isCompliant`"),
        ("package signature\nallow { input.a == ", "rego:2:"),
        ("package signature\nallow { x := y }", "unsafe"),
        (
            "package signature\nallow { http.send({\"method\": \"get\", \"url\": \"http://127.0.0.1\"}) }",
            "could not find function http.send",
        ),
        ("package signature\nallow { opa.runtime().env.HOME }", "could not find function opa.runtime"),
        ("package signature\nallow { allow }", "rule `allow` leans on itself"),
        ("package signature\nallow { f(1) }\nf(x) = y {\n  y := f(x)\n}", "rule `f` leans on itself"),
        ("package signature\nallow { f(1) }\nf(x) = data.signature.f(x)", "rule `f` leans on itself"),
        ("package signature\nallow { a }\na { b }\nb { a }", "leans on itself"),
    ] {
        let problem = problem(policy);
        assert!(problem.contains(expected), "{problem}: {policy}");
    }
    let long = format!("package signature\nallow = true\n#{}", "x".repeat(limits::REGO_BYTES));
    assert!(problem(&long).contains("bytes"));
    let products = format!("package signature\nallow {{ x := 2{}\n x > 0 }}", " * 2".repeat(limits::REGO_PRODUCTS + 1));
    assert!(problem(&products).contains("multiplies"));
    let chain = |depth: usize| {
        let rules: Vec<_> = (0..depth).map(|n| format!("r{n}(x) = y {{ y := r{}(x) }}", n + 1)).collect();
        format!("package signature\nallow {{ r0(1) == 1 }}\n{}\nr{depth}(x) = x\n", rules.join("\n"))
    };
    ask(&chain(limits::REGO_DEPTH - 1)).unwrap();
    assert!(problem(&chain(limits::REGO_DEPTH)).contains("deeper"));
}

/// What an evaluation can cost: each ends, and none takes the process along.
#[test]
fn a15_rego_is_bounded() {
    let slow = "package signature\nallow { count([1 | x := numbers.range(1, 9999)[_]; y := numbers.range(1, 9999)[_]; x > y + 9999]) == 0; input.predicate }";
    let slow = Rego::compile(None, slow);
    assert!(slow.is_err_and(|problem| problem.contains("time limit")));
    for (made, expected) in [
        ("numbers.range(1, 1000000000000)", "numbers.range"),
        ("numbers.range_step(1, 1000000000000, 2)", "numbers.range_step"),
        ("bits.lsh(1, 1000000000000)", "bits.lsh"),
        ("sprintf(\"%1000000000d\", [1])", "sprintf"),
        ("replace(replace(replace(t, \"a\", t), \"a\", t), \"a\", t)", "replace"),
        ("concat(concat(t, numbers_as_text), [\"x\", concat(t, numbers_as_text)])", "concat"),
        ("regex.replace(t, \"a\", t)", "regex.replace"),
    ] {
        let policy = format!(
            "package signature\nallow {{ x := {made}; x }}\nt = \"{}\"\nnumbers_as_text[s] {{ s := sprintf(\"%d\", [numbers.range(1, 2000)[_]]) }}",
            "a".repeat(800)
        );
        let problem = problem(&policy);
        assert!(problem.contains(expected), "{problem}: {made}");
    }
}

/// Comments and texts name no rules and no fields.
#[test]
fn outlines() {
    let text = "package signature\n# allow { f }\nallow = x {\n  x := \"f input.no { [\"\n  input.predicate.a[\"b\"]\n}\nelse = false {\n  `f`\n}\n  f(x) {\n  }\n";
    let outline = Outline::of(text).unwrap();
    assert!(outline.has("allow") && !outline.has("else") && !outline.has("x"));
    assert_eq!(outline.fields(), [["predicate".to_owned(), "a".to_owned()]]);
    let said = said("package signature\nallow { xinput.y == 1; input.predicate.name == \"b\" }\nxinput = {\"y\": 1}");
    assert!(said.contains("input.predicate.name = \"app\"") && !said.contains("input.y"), "{said}");
}

/// A rule that is not seen would not be asked (`deny`), or not be known to lean on itself.
#[test]
fn a15_no_rule_is_hidden() {
    let denied = said("package signature\nallow { true }\n  deny { true }\n");
    assert!(denied.contains("data.signature.deny is true"), "{denied}");
    for hidden in [
        "package signature\nallow { true } deny { true }",
        "package signature\nallow { f(1) } f(x) { f(x) }",
        "package signature\nallow = true deny = true",
        "package signature\nallow = f(1) f(x) = x { f(x) }",
        "package signature\nallow = \"a\" deny = true",
        "package signature\nallow = [1] deny[x] { x := 1 }",
    ] {
        let problem = problem(hidden);
        assert!(problem.contains("line 2 has more than one rule"), "{problem}: {hidden}");
    }
    let problem = problem("package signature\nallow { f(1) }\n  f(x) { f(x) }");
    assert!(problem.contains("rule `f` leans on itself"), "{problem}");
}
