//! Clocks that agree, that do not, and that are not there.

use std::sync::Arc;

use tokio::net::UdpSocket;

use super::*;
use crate::base::time::UnixTime;

const NOW: i64 = 1_800_000_000_000;

fn guard(sources: usize) -> DriftGuard {
    DriftGuard::new((0..sources).map(|_| "ntp://127.0.0.1:1".parse().unwrap()).collect())
}

/// A source that is off by so many milliseconds, and exact to 20.
fn off(milliseconds: i64) -> Sample {
    Sample { own: NOW, earliest: NOW + milliseconds - 10, latest: NOW + milliseconds + 10 }
}

#[test]
fn z05_logt8_more_than_half_must_agree() {
    let refused = |samples: &[Sample]| {
        let guard = guard(4);
        guard.judge(samples, (NOW, 7));
        guard.refuses_at(NOW, 7)
    };
    assert_eq!(guard(4).refuses(NOW), Some("the clock has not been compared with others yet"));
    assert_eq!(refused(&[off(0), off(900), off(-900)]), None, "within the accuracy, one silent");
    assert_eq!(refused(&[off(0), off(900), off(-900), off(90_000)]), None, "one that lies");
    assert_eq!(refused(&[off(0), off(0)]), Some("too few clocks answer to compare with"), "half is not more than half");
    assert_eq!(refused(&[off(0), off(0), off(5000), off(5000)]), Some("the clock disagrees with others"));
    assert_eq!(refused(&[off(1200), off(1200), off(1200)]), Some("the clock disagrees with others"));
    assert_eq!(refused(&[]), Some("too few clocks answer to compare with"));
}

#[test]
fn z05_agreement_does_not_last() {
    let guard = guard(1);
    guard.judge(&[off(0)], (NOW, 7));
    assert_eq!(guard.refuses_at(NOW + 500, 7), None);
    assert_eq!(guard.refuses_at(NOW + 60_000, 60_007), None, "time passes on both");
    // The clock is set without time having passed.
    for step in [-3_600_000, 2_000] {
        assert!(guard.refuses_at(NOW + step, 7).unwrap().starts_with("the clock was set"), "{step}");
    }
    // Silence changes nothing at first, and ends it in the end.
    guard.judge(&[], (NOW, 7));
    assert_eq!(guard.refuses_at(NOW, 7), None);
    assert_eq!(guard.refuses_at(NOW + 301_000, 301_007), Some("too few clocks answer to compare with"));
    // Another time is believed at once, and agreement again.
    guard.judge(&[off(3000)], (NOW, 7));
    assert_eq!(guard.refuses_at(NOW, 7), Some("the clock disagrees with others"));
    guard.judge(&[off(0)], (NOW, 7));
    assert_eq!(guard.refuses_at(NOW, 7), None);
}

/// A time server on loopback that is off by so many seconds.
async fn server(off: i64, stratum: u8) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut question = [0; 64];
        while let Ok((48, from)) = socket.recv_from(&mut question).await {
            let mut answer = [0; 48];
            answer[..2].copy_from_slice(&[0x24, stratum]);
            answer[24..32].copy_from_slice(&question[40..48]);
            let millis = Clock::system().now().plus_secs(off).millis() as u64;
            let stamp = ((millis / 1000 + 2_208_988_800) << 32) | (((millis % 1000) << 32) / 1000);
            answer[40..48].copy_from_slice(&stamp.to_be_bytes());
            socket.send_to(&answer, from).await.unwrap();
        }
    });
    format!("ntp://{address}")
}

#[tokio::test]
async fn z05_time_servers_are_asked() {
    let clock = Clock::system();
    let (right, wrong, lost) = (server(0, 2).await, server(30, 2).await, server(0, 16).await);
    let asked = |sources: Vec<String>| {
        let clock = clock.clone();
        async move {
            let guard = DriftGuard::new(sources.iter().map(|source| source.parse().unwrap()).collect());
            guard.ask(&clock).await;
            guard.refuses(clock.now().millis())
        }
    };
    assert_eq!(asked(vec![right.clone()]).await, None);
    assert_eq!(asked(vec![right.clone(), right.clone(), wrong.clone()]).await, None);
    assert_eq!(asked(vec![wrong.clone()]).await, Some("the clock disagrees with others"));
    assert_eq!(asked(vec![lost]).await, Some("too few clocks answer to compare with"), "not synchronised");
    // The same by HTTP, to the second.
    let http = axum::Router::new().fallback(async || "");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { crate::serve::serve(listener, http, std::future::pending()).await });
    assert_eq!(asked(vec![url.clone()]).await, None);
    let late = Clock::from_fn(|| UnixTime::from_millis(Clock::system().now().millis() + 8000));
    let guard = Arc::new(DriftGuard::new(vec![url.parse().unwrap()]));
    guard.ask(&late).await;
    assert_eq!(guard.refuses(late.now().millis()), Some("the clock disagrees with others"));
}
