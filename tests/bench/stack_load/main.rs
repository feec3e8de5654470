//! Load for a stack, and the figures of its log engine. `bash tests/bench/stack` runs all of it.
//!
//! ```text
//! entries DIR N FILE        N requests to log a signature: distinct keys, certificates of the stack's own CA
//! certificates DIR N FILE   N requests for a certificate: distinct keys and subjects
//! timestamps URL N FILE     N requests for a timestamp
//! load URL FILE PID CONNECTIONS [RATE]   sends them, as fast as they are answered or RATE a second
//! grow DIR N                appends N entries to the stack's log, and counts the bytes that are written
//! ```

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench that cannot go on has nothing to say"
)]

mod grow;
mod load;
mod prepare;

fn main() {
    // `cargo bench` adds an argument of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["entries", dir, count, file] => prepare::entries(dir.as_ref(), count.parse().unwrap(), file.as_ref()),
        ["certificates", dir, count, file] => {
            prepare::certificates(dir.as_ref(), count.parse().unwrap(), file.as_ref())
        }
        ["timestamps", url, count, file] => prepare::timestamps(url, count.parse().unwrap(), file.as_ref()),
        ["load", url, file, server, connections] => load::load(url, file, server, connections.parse().unwrap(), None),
        ["load", url, file, server, connections, rate] => {
            load::load(url, file, server, connections.parse().unwrap(), Some(rate.parse().unwrap()));
        }
        ["grow", dir, count] => grow::grow(dir.as_ref(), count.parse().unwrap()),
        _ => println!("left out: run it by `bash tests/bench/stack`"),
    }
}
