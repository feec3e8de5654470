mod ca;

use super::*;

#[test]
fn a_certificate_is_renewed_before_two_thirds_of_its_life() {
    let validity = |life: i64| (UnixTime::from_secs(1_000_000), UnixTime::from_secs(1_000_000 + life));
    for life in [600, 86_400, 90 * 86_400, 5 * 365 * 86_400] {
        let at = |place| renewal(validity(life), place).secs() - 1_000_000;
        assert_eq!(at(0), life * 55 / 100);
        assert!(at(255) <= life * 65 / 100 && at(255) * 3 < life * 2, "{life}");
        assert!(at(0) < at(128) && at(128) < at(255), "{life}");
    }
    // A certificate that ends before it starts is renewed at once.
    assert_eq!(time_until(renewal(validity(-5), 255), UnixTime::from_secs(1_000_000)), None);
    assert_eq!(time_until(UnixTime::from_secs(9), UnixTime::from_secs(2)), Some(Duration::from_secs(7)));
}

#[test]
fn pauses_grow_to_an_hour() {
    let first = Duration::from_secs(60);
    assert_eq!((pause(first, 0, 0), pause(first, 0, 255)), (first / 2, first));
    assert_eq!(pause(first, 3, 255), first * 8);
    assert_eq!(pause(first, u32::MAX, 255), Duration::from_secs(3600));
}

#[test]
fn names_that_tls_alpn_can_prove() {
    for good in ["gate.example.com", "a-1.b"] {
        assert!(is_name(good), "{good}");
    }
    let long = format!("{}.example", "a".repeat(64));
    for bad in ["", "gate", "*.example.com", "a..b", "-a.b", "a-.b", "10.0.0.1", "A.b", "a b.c", "é.example", &long] {
        assert!(!is_name(bad), "{bad}");
    }
}
